"""The frame around every page: top bar, navigation, jobs, toasts, dialogs for keys; and the router that fills it."""
