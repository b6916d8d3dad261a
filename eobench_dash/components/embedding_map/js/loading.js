// Brings coordinates, labels and the colouring column, and then other people's changes.

import { ChangeFeed, request } from "./data.js";
import { Scene } from "./scene.js";
import { parseColumn, parseCoords, parseLabels } from "./wire.js";

const EVENT_HEADER = "X-EOBench-Event";
const REVISION_HEADER = "X-EOBench-Labels-Revision";

export class Loading {
  /** map: the EmbeddingMapView it belongs to. */
  constructor(map) {
    Object.assign(this, { map, lastEvent: 0, revision: null, loaded: null, offline: false });
    this.feed = new ChangeFeed({ changes: (p) => this._theirs(p), offline: (o, why) => this._offline(o, why) });
  }

  destroy() {
    this.abort?.abort();
    this.feed.destroy();
  }

  /** Load what the properties name. Another embedding of the same patches takes over from the one shown, moving. */
  async load() {
    const { map } = this;
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    const { coordsUrl, labelsUrl, view } = map.props;
    const wished = view && JSON.stringify(view) !== map.sentView ? view : null;
    this.feed.stop();
    const moving = Boolean(map.scene && coordsUrl && coordsUrl !== this.loaded?.coordsUrl && labelsUrl === this.loaded?.labelsUrl);
    const other = coordsUrl !== this.loaded?.coordsUrl;
    if (!moving) {
      map.setScene(null);
      // Another embedding is another space; the same one loaded anew keeps the view.
      if (other) map.camera.reset(wished);
    }
    this.loaded = { coordsUrl, labelsUrl };
    if (!coordsUrl) {
      map.setScene(null);
      return map.chrome.setState("empty", "No map yet. Compute an embedding to see the patches here.");
    }
    if (moving) map.chrome.setBusy("Loading the map …");
    else map.chrome.setState("loading", "Loading the map …");
    let scene;
    try {
      const [coords, labels] = await Promise.all([this._coords(coordsUrl, abort), this._labels(abort), map.colouring.fetch()]);
      if (abort.signal.aborted) return;
      scene = new Scene(coords, labels);
    } catch (error) {
      if (abort.signal.aborted) return;
      abort.abort(); // the others are of no use now
      map.setScene(null);
      this.loaded = null;
      return map.chrome.setState("error", error.message, true);
    }
    const kept = moving ? map.leave() : null;
    if (moving && other) map.camera.reset(wished);
    map.setScene(scene);
    if (!scene.grid.placed) return map.chrome.setState("empty", "This map holds no patches.");
    map.chrome.setState("ready");
    map.arrived(kept);
    this.startFeed();
  }

  async _coords(url, { signal }) {
    return parseCoords(await (await request(url, signal)).arrayBuffer());
  }

  async _labels({ signal }) {
    const url = this.map.props.labelsUrl;
    if (!url) return null;
    const response = await request(url, signal);
    const labels = parseLabels(await response.arrayBuffer());
    this.lastEvent = Number(response.headers.get(EVENT_HEADER)) || 0;
    this.revision = response.headers.get(REVISION_HEADER);
    return labels;
  }

  /** The bytes of a column, parsed. */
  async column(url, signal) {
    return parseColumn(await (await request(url, signal)).arrayBuffer());
  }

  // ---- other people's changes ----

  startFeed() {
    const { map } = this;
    if (map.props.changesUrl && map.scene) this.feed.start(map.props.changesUrl, this.lastEvent, this.revision);
    else this.feed.stop();
  }

  async _theirs(payload) {
    const { map } = this;
    if (!map.scene) return;
    this.lastEvent = payload.last ?? this.lastEvent;
    if (payload.labels) map.colouring.setLabels(payload.labels);
    if (payload.reload) {
      if (!(await this._again())) return;
    } else if (!payload.labels && !payload.changes?.length && !payload.marks?.length) return;
    const done = payload.reload ? { slots: [], ordinals: [] } : map.selecting.repaint(payload.changes || []);
    if (!map.scene || (!payload.reload && !payload.labels && !payload.marks?.length && !done.slots.length)) return;
    if (!done.slots.length) map.selecting.labelsMoved(null);
    map.emit("changes", {
      last: this.lastEvent, reload: Boolean(payload.reload), labels: payload.labels || null, marks: payload.marks || [],
      changes: done.ordinals.map((o, i) => [o, map.scene.codes[done.slots[i]]]),
    });
  }

  /** All labels anew; whether they came. */
  async _again() {
    const { map, abort } = this, { scene } = map;
    try {
      const labels = await this._labels(abort);
      if (map.scene !== scene) return false;
      scene.setLabels(labels);
    } catch (error) {
      if (!abort.signal.aborted) this._offline(true, error.message);
      return false;
    }
    this.feed.since = this.lastEvent;
    map.renderer.invalidate();
    return true;
  }

  _offline(offline, why) {
    this.offline = offline;
    if (!offline) this.map.card.retry();
    this.map.chrome.setOffline(offline ? why || "Offline: changes by others will follow" : "");
  }
}
