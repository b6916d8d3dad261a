// The label editor of a dataset's page: opens once its fields are filled, closes once they are kept.
(() => {
  const editor = (state) => {
    window.dash_clientside.eob.dialogState(state);
    return !state?.merge;
  };
  const pickColour = (colour) => colour || window.dash_clientside.no_update;

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eob = { ...window.dash_clientside.eob, editor, pickColour };
})();
