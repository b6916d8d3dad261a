// Fetching: bytes with an error that a person can read, and the feed of other people's changes.

const POLL_MS = 2500;
const POLL_MAX_MS = 40000;

export class LoadError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const SENTENCES = {
  401: "You are logged out. Log in again to see this map.",
  403: "You may not see this map.",
  404: "This map is not there (any more). Choose or compute another one.",
  413: "The answer was too large.",
};

export async function request(url, signal) {
  const early = await window.eobench_dash?.early?.(url); // asked for before the map was there (loader.js)
  if (early) return early;
  let response;
  try {
    // A log-in page in place of the bytes would be read as damage: do not follow to it.
    response = await fetch(url, { signal, credentials: "same-origin", redirect: "manual" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new LoadError("The server cannot be reached. Check the connection.", 0);
  }
  if (response.type === "opaqueredirect") throw new LoadError(SENTENCES[401], 401);
  if (!response.ok) {
    throw new LoadError(SENTENCES[response.status] || `The server answered with an error (${response.status}). Try again; if it stays, tell whoever runs it.`, response.status);
  }
  return response;
}

const withQuery = (url, query) => url + (url.includes("?") ? "&" : "?") + query;

/** Asks for changes after an event while the tab is seen; slower after errors; stops where we may not ask. */
export class ChangeFeed {
  /** on: {changes(payload), offline(bool)} */
  constructor(on) {
    this.on = on;
    this.seen = () => document.visibilityState === "visible" && this.url && this.poll();
  }

  start(url, since, revision) {
    this.stop();
    this.url = url;
    this.since = since;
    this.revision = revision;
    this.wait = POLL_MS;
    document.addEventListener("visibilitychange", this.seen);
    this._later();
  }

  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
    this.url = null;
    document.removeEventListener("visibilitychange", this.seen);
  }

  destroy() {
    this.stop();
  }

  _later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.poll(), this.wait);
  }

  async poll() {
    if (!this.url || this.abort) return;
    if (document.visibilityState !== "visible") return; // "seen" wakes us
    clearTimeout(this.timer);
    const abort = (this.abort = new AbortController());
    try {
      const rev = this.revision === null || this.revision === undefined ? "" : `&revision=${encodeURIComponent(this.revision)}`;
      const response = await request(withQuery(this.url, `since=${encodeURIComponent(this.since)}${rev}`), abort.signal);
      const payload = await response.json();
      if (abort.signal.aborted) return;
      this.since = payload.last ?? this.since;
      this.revision = payload.revision ?? this.revision;
      this.wait = POLL_MS;
      this.on.offline(false);
      this.on.changes(payload);
    } catch (error) {
      if (abort.signal.aborted) return;
      const refused = error.status === 401 || error.status === 403;
      this.wait = refused ? POLL_MAX_MS : Math.min(this.wait * 2, POLL_MAX_MS);
      this.on.offline(true, refused ? error.message : null);
    } finally {
      if (this.abort === abort) {
        this.abort = null;
        if (this.url) this._later();
      }
    }
  }
}
