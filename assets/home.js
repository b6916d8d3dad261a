// The import dialog: which source shows, and uploads with progress (the file goes as the body, in one stream).
(() => {
  const SOURCES = ["browse", "upload", "eurosat", "simulate"];
  const place = () => document.getElementById("home-upload");
  let running = null;

  const say = (text, share = null, tone = "") => {
    const box = place();
    if (!box) return;
    box.replaceChildren();
    if (share !== null) {
      const meter = document.createElement("div");
      meter.className = "eob-meter";
      const fill = document.createElement("div");
      fill.style.width = `${(100 * share).toFixed(1)}%`;
      meter.append(fill);
      box.append(meter);
    }
    const words = document.createElement("p");
    words.className = tone ? `eob-small eob-tone--${tone}` : "eob-small eob-muted";
    words.setAttribute("role", "status");
    words.textContent = text;
    box.append(words);
    if (running) {
      const stop = Object.assign(document.createElement("button"), { type: "button", className: "eob-button eob-button--small", textContent: "Stop" });
      stop.addEventListener("click", () => running?.abort());
      box.append(stop);
    }
  };

  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

  const send = (file) => {
    if (running) return;
    const request = new XMLHttpRequest();
    running = request;
    const end = (text, tone) => { running = null; say(text, null, tone); };
    request.open("POST", `/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-EOBench-Opened-By", document.querySelector(".eob-shell").dataset.user); // as shell.js
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      const done = event.loaded / file.size;
      say(done < 1 ? `${file.name}: ${megabytes(event.loaded)} of ${megabytes(file.size)}` : `${file.name}: unpacking and looking at it …`, done);
    });
    request.addEventListener("load", () => {
      if (request.status === 200 && request.response?.path) {
        end(`${file.name} has arrived.`, "ok");
        window.dash_clientside.set_props("home-chosen", { data: request.response.path });
      } else {
        end(request.response?.error || `The server refused the upload (${request.status}).`, "danger");
      }
    });
    request.addEventListener("error", () => end("The connection broke. Send the file again.", "danger"));
    request.addEventListener("abort", () => end("Stopped. Nothing was kept."));
    say(`${file.name}: starting …`, 0);
    request.send(file);
  };

  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-eob-upload]")) return;
    const field = Object.assign(document.createElement("input"), { type: "file", accept: ".zip,.json,.jsonl,.ndjson,.csv,.tsv,.npy,.npz,.parquet,.geoparquet,.pq" });
    field.addEventListener("change", () => { if (field.files[0]) send(field.files[0]); });
    field.click();
  });

  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest?.("[data-eob-drop]");
      if (!zone) return;
      event.preventDefault();
      zone.classList.toggle("eob-drop--over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
    });
  }

  let shown = "browse";
  const showSource = (source) => {
    if (source !== shown) window.dash_clientside.set_props("home-chosen", { data: null }); // a preview belongs to its source
    shown = source;
    return SOURCES.map((name) => name !== source);
  };

  const isGiven = (value) => value !== null && value !== undefined;

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eob = { ...window.dash_clientside.eob, showSource, isGiven };
})();
