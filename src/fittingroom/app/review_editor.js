// The drawing area of the review page: a photo that can be zoomed and panned, and two tools on it.
// A tool draws itself over the photo, answers pointer and keys, and keeps its own undo; coordinates are image pixels.

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// --- undo: steps that know how to go back and forth ---------------------------------------------------------------
class Steps {
  constructor() { this.done = []; this.undone = []; this.saved = 0; }
  add(step) { this.done.push(step); this.undone = []; if (this.saved > this.done.length - 1) this.saved = -1; }
  undo() { const step = this.done.pop(); if (step) { step.back(); this.undone.push(step); } return Boolean(step); }
  redo() { const step = this.undone.pop(); if (step) { step.forth(); this.done.push(step); } return Boolean(step); }
  get dirty() { return this.saved !== this.done.length; }
  markSaved() { this.saved = this.done.length; }
}

// --- the stage ----------------------------------------------------------------------------------------------------
class Stage {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.changed = changed; // called after every change of the tool's value or view
    this.image = null;
    this.tool = null;
    this.scale = 1; this.left = 0; this.top = 0;
    this.pointer = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
    canvas.addEventListener("dblclick", (event) => { this.tool?.double?.(this.at(event)); this.refresh(); });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  show(image, tool) {
    const same = this.image && this.image.width === image.width && this.image.height === image.height;
    this.image = image; this.tool = tool;
    if (same) this.refresh(); else this.fit();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const before = this.width;
    this.width = width; this.height = height;
    this.canvas.width = Math.round(width * ratio); this.canvas.height = Math.round(height * ratio);
    if (this.image) { if (before && !this.fitted) this.draw(); else this.fit(); }
  }

  fit() {
    if (!this.width) this.resize();
    const margin = 16;
    this.scale = Math.min((this.width - margin) / this.image.width, (this.height - margin) / this.image.height);
    this.left = (this.width - this.image.width * this.scale) / 2;
    this.top = (this.height - this.image.height * this.scale) / 2;
    this.fitted = true; // until somebody zooms or pans, the photo follows the window's size
    this.refresh();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.image) return;
    const scale = clamp(this.scale * factor, 0.05, 64);
    this.left = x - (x - this.left) * scale / this.scale;
    this.top = y - (y - this.top) * scale / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.refresh();
  }

  at(event) { return { x: (event.offsetX - this.left) / this.scale, y: (event.offsetY - this.top) / this.scale }; }

  down(event) {
    if (!this.image) return;
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.at(event);
    const taken = event.button === 0 && !this.space && this.tool?.down(point, event, this.scale);
    if (!taken) this.panning = { x: event.offsetX - this.left, y: event.offsetY - this.top };
    this.refresh();
  }

  move(event) {
    if (!this.image) return;
    this.pointer = this.at(event);
    if (this.panning) {
      this.fitted = false;
      this.left = event.offsetX - this.panning.x; this.top = event.offsetY - this.panning.y;
    } else {
      // every position that the mouse reported since the last frame: fast strokes stay smooth
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.tool?.move(this.at(each), each, this.scale);
    }
    this.refresh();
  }

  up(event) {
    if (!this.image) return;
    if (this.panning) this.panning = null; else this.tool?.up(this.at(event), event);
    this.refresh();
  }

  refresh() { this.changed(); this.draw(); }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.paint(); });
  }

  paint() {
    if (!this.image) return;
    const context = this.context, ratio = this.canvas.width / this.width;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.save();
    context.translate(this.left, this.top);
    context.scale(this.scale, this.scale);
    context.imageSmoothingEnabled = this.scale < 3;
    context.drawImage(this.image, 0, 0);
    this.tool?.underlay?.(context);
    context.restore();
    this.tool?.draw(context, (x, y) => [this.left + x * this.scale, this.top + y * this.scale], this);
  }
}

// --- the skeleton -------------------------------------------------------------------------------------------------
const ABSENT = 0, HIDDEN = 1, SEEN = 2;

class PoseTool {
  constructor(rows, start) {
    this.rows = rows.map((row) => [...row]);
    this.limbs = start.limbs; this.mirrored = start.mirrored;
    this.steps = new Steps();
    this.selected = null; this.drag = null;
  }

  static colour(index) { return `hsl(${index * 20} 95% 55%)`; }

  value() { return this.rows.map((row) => [...row]); }

  set(rows) {
    const before = this.value(), after = rows.map((row) => [...row]);
    this.rows = after;
    this.steps.add({
      back: () => { this.rows = before.map((row) => [...row]); },
      forth: () => { this.rows = after.map((row) => [...row]); },
    });
  }

  change(index, row) { this.set(this.rows.map((old, at) => (at === index ? row : old))); }

  nearest(point, reach) {
    let best = null, least = reach;
    this.rows.forEach(([x, y, , seen], index) => {
      const away = Math.hypot(x - point.x, y - point.y);
      if (seen !== ABSENT && away <= least) { best = index; least = away; }
    });
    return best;
  }

  down(point, event, scale) {
    const found = this.nearest(point, 11 / scale);
    if (found === null) {
      if (this.selected !== null && this.rows[this.selected][3] === ABSENT) {
        this.change(this.selected, [point.x, point.y, 1, SEEN]); // an absent joint is put where one clicks
        return true;
      }
      this.selected = null;
      return false;
    }
    this.selected = found;
    this.drag = { index: found, from: point, start: [...this.rows[found]], before: this.value() };
    return true;
  }

  move(point) {
    if (!this.drag) return;
    const { index, from, start } = this.drag; // moved by as much as the pointer was, wherever the joint was gripped
    this.rows[index] = [start[0] + point.x - from.x, start[1] + point.y - from.y, start[2], start[3]];
  }

  up() {
    if (!this.drag) return;
    const { index, start, before } = this.drag;
    this.drag = null;
    const after = this.rows[index];
    if (after[0] === start[0] && after[1] === start[1]) return;
    this.rows = before;
    this.change(index, after);
  }

  visibility(index, seen) {
    const row = this.rows[index];
    if (seen === row[3]) return;
    if (seen === ABSENT) this.change(index, [0, 0, 0, ABSENT]);
    else if (row[3] === ABSENT) this.selected = index; // the next click places it
    else this.change(index, [row[0], row[1], row[2], seen]);
  }

  mirror() { this.set(this.mirrored.map((index) => this.rows[index])); }

  key(event) {
    if (event.key === "m" || event.key === "M") { this.mirror(); return true; }
    const index = this.selected;
    if (index === null || this.rows[index][3] === ABSENT) return false;
    const [x, y, confidence, seen] = this.rows[index];
    const step = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) {
      this.change(index, [x + moves[event.key][0], y + moves[event.key][1], confidence, seen]);
    } else if (event.key === "v" || event.key === "V") {
      this.visibility(index, seen === SEEN ? HIDDEN : SEEN);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.visibility(index, ABSENT);
    } else return false;
    return true;
  }

  draw(context, place) {
    const there = (index) => this.rows[index][3] !== ABSENT;
    context.lineCap = "round";
    this.limbs.forEach(([from, to]) => {
      if (!there(from) || !there(to)) return;
      const a = place(this.rows[from][0], this.rows[from][1]), b = place(this.rows[to][0], this.rows[to][1]);
      for (const [width, colour] of [[5, "rgb(0 0 0 / .45)"], [3, PoseTool.colour(to)]]) {
        context.lineWidth = width; context.strokeStyle = colour;
        context.setLineDash(this.rows[from][3] === HIDDEN || this.rows[to][3] === HIDDEN ? [2, 6] : []);
        context.beginPath(); context.moveTo(...a); context.lineTo(...b); context.stroke();
      }
    });
    context.setLineDash([]);
    this.rows.forEach(([x, y, , seen], index) => {
      if (seen === ABSENT) return;
      const [left, top] = place(x, y), chosen = index === this.selected;
      context.beginPath(); context.arc(left, top, chosen ? 8 : 6, 0, 7);
      context.fillStyle = seen === HIDDEN ? "rgb(255 255 255 / .35)" : PoseTool.colour(index);
      context.fill();
      context.lineWidth = 2; context.strokeStyle = chosen ? "#fff" : seen === HIDDEN ? PoseTool.colour(index) : "#1b1d20";
      context.stroke();
      if (chosen) { context.beginPath(); context.arc(left, top, 10, 0, 7); context.strokeStyle = "#111"; context.stroke(); }
    });
  }
}

// --- the painter --------------------------------------------------------------------------------------------------
// Works on an array of ids, one byte a pixel; what is seen is made from it. So ids never blend.
class PaintTool {
  constructor(values, width, height, labels) {
    this.values = values; this.width = width; this.height = height; this.labels = labels;
    this.steps = new Steps();
    this.kind = "brush"; this.label = labels.length > 1 ? 1 : 0; this.size = 15; this.opacity = 0.55;
    this.polygon = [];
    this.layer = new OffscreenCanvas(width, height);
    this.pixels = new ImageData(width, height);
    this.colours = new Uint32Array(256).fill(0xffff00ff); // an id without a colour is seen at once
    for (const { id, colour: [red, green, blue] } of labels) {
      this.colours[id] = id === 0 ? 0 : (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
    }
    this.show(0, 0, width, height);
  }

  value() { return this.values; }

  show(left, top, right, bottom) {
    const view = new Uint32Array(this.pixels.data.buffer);
    for (let y = top; y < bottom; y += 1) {
      for (let at = y * this.width + left; at < y * this.width + right; at += 1) view[at] = this.colours[this.values[at]];
    }
    if (right > left && bottom > top) {
      this.layer.getContext("2d").putImageData(this.pixels, 0, 0, left, top, right - left, bottom - top);
    }
  }

  // Run `paint`, and remember the rectangle that it changed as one step.
  step(paint) {
    const before = this.values.slice();
    paint();
    this.remember(before);
  }

  remember(before) {
    const { width, height } = this;
    let left = width, top = height, right = 0, bottom = 0;
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        if (before[at] !== this.values[at]) {
          left = Math.min(left, x); right = Math.max(right, x + 1); top = Math.min(top, y); bottom = y + 1;
        }
      }
    }
    if (right <= left) return;
    const cut = (from) => {
      const part = new Uint8Array((right - left) * (bottom - top));
      for (let y = top; y < bottom; y += 1) {
        part.set(from.subarray(y * width + left, y * width + right), (y - top) * (right - left));
      }
      return part;
    };
    const put = (part) => {
      for (let y = top; y < bottom; y += 1) {
        this.values.set(part.subarray((y - top) * (right - left), (y - top + 1) * (right - left)), y * width + left);
      }
      this.show(left, top, right, bottom);
    };
    const was = cut(before), is = cut(this.values);
    this.steps.add({ back: () => put(was), forth: () => put(is) });
    this.show(left, top, right, bottom);
  }

  get ink() { return this.kind === "eraser" ? 0 : this.label; }

  // All pixels whose centre lies within half the brush's size of the stroke, and the one under the pointer.
  stroke(from, to) {
    const radius = this.size / 2, { width, height } = this;
    const left = clamp(Math.floor(Math.min(from.x, to.x) - radius), 0, width);
    const right = clamp(Math.ceil(Math.max(from.x, to.x) + radius), 0, width);
    const top = clamp(Math.floor(Math.min(from.y, to.y) - radius), 0, height);
    const bottom = clamp(Math.ceil(Math.max(from.y, to.y) + radius), 0, height);
    const dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy;
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const px = x + 0.5 - from.x, py = y + 0.5 - from.y;
        const along = length ? clamp((px * dx + py * dy) / length, 0, 1) : 0;
        const ax = px - along * dx, ay = py - along * dy;
        if (ax * ax + ay * ay <= radius * radius) this.values[y * width + x] = this.ink;
      }
    }
    const x = Math.floor(to.x), y = Math.floor(to.y);
    if (x >= 0 && y >= 0 && x < width && y < height) this.values[y * width + x] = this.ink;
    this.show(left, top, right, bottom);
  }

  // The connected region (four neighbours) of one id.
  fill(point) {
    const { width, height } = this;
    const x = Math.floor(point.x), y = Math.floor(point.y);
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const from = this.values[y * width + x], to = this.label;
    if (from === to) return;
    this.step(() => {
      const waiting = [y * width + x];
      this.values[waiting[0]] = to;
      while (waiting.length) {
        const at = waiting.pop(), column = at % width;
        for (const next of [column > 0 ? at - 1 : -1, column < width - 1 ? at + 1 : -1, at - width, at + width]) {
          if (next >= 0 && next < this.values.length && this.values[next] === from) {
            this.values[next] = to; waiting.push(next);
          }
        }
      }
    });
  }

  // Pixels whose centre lies inside (even-odd).
  close() {
    const corners = this.polygon;
    this.polygon = [];
    if (corners.length < 3) return;
    this.step(() => {
      for (let y = 0; y < this.height; y += 1) {
        const cuts = [], line = y + 0.5;
        corners.forEach((a, index) => {
          const b = corners[(index + 1) % corners.length];
          if ((a.y <= line) !== (b.y <= line)) cuts.push(a.x + (line - a.y) / (b.y - a.y) * (b.x - a.x));
        });
        cuts.sort((a, b) => a - b);
        for (let pair = 0; pair + 1 < cuts.length; pair += 2) {
          const first = clamp(Math.ceil(cuts[pair] - 0.5), 0, this.width);
          const end = clamp(Math.ceil(cuts[pair + 1] - 0.5), 0, this.width);
          this.values.fill(this.label, y * this.width + first, y * this.width + Math.max(first, end));
        }
      }
    });
  }

  pick(point) {
    const x = Math.floor(point.x), y = Math.floor(point.y);
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.label = this.values[y * this.width + x];
  }

  down(point, event) {
    if (event.altKey || this.kind === "pick") this.pick(point);
    else if (this.kind === "fill") this.fill(point);
    else if (this.kind === "polygon") this.polygon.push(point);
    else { this.before = this.values.slice(); this.last = point; this.stroke(point, point); }
    return true;
  }

  move(point) {
    if (!this.before) return;
    this.stroke(this.last, point);
    this.last = point;
  }

  up() {
    if (!this.before) return;
    this.remember(this.before);
    this.before = null;
  }

  double() {
    if (this.kind !== "polygon") return;
    this.polygon.pop(); // the second press of a double click is no corner
    this.close();
  }

  key(event) {
    const kinds = { b: "brush", e: "eraser", f: "fill", g: "polygon", i: "pick" };
    const key = event.key.toLowerCase();
    if (kinds[key]) { this.kind = kinds[key]; this.polygon = []; }
    else if (key === "[" || key === "]") this.size = clamp(Math.round(this.size * (key === "[" ? 0.8 : 1.25) + (key === "[" ? -0.5 : 0.5)), 1, 400);
    else if (key === "o") this.hidden = !this.hidden;
    else if (key === "enter" && this.polygon.length) this.close();
    else if (key === "escape" && this.polygon.length) this.polygon = [];
    else return false;
    return true;
  }

  underlay(context) {
    if (this.hidden) return;
    context.imageSmoothingEnabled = false;
    context.globalAlpha = this.opacity;
    context.drawImage(this.layer, 0, 0);
    context.globalAlpha = 1;
  }

  draw(context, place, stage) {
    const [red, green, blue] = this.labels.find((label) => label.id === this.ink)?.colour ?? [255, 255, 255];
    if (this.polygon.length) {
      const points = stage.pointer ? [...this.polygon, stage.pointer] : this.polygon;
      context.beginPath();
      points.forEach((point, index) => context[index ? "lineTo" : "moveTo"](...place(point.x, point.y)));
      context.closePath();
      context.fillStyle = `rgb(${red} ${green} ${blue} / .35)`; context.fill();
      context.lineWidth = 1.5; context.strokeStyle = "#fff"; context.stroke();
    }
    if (!stage.pointer || !["brush", "eraser"].includes(this.kind)) return;
    const [x, y] = place(stage.pointer.x, stage.pointer.y);
    for (const [width, colour] of [[3, "rgb(0 0 0 / .6)"], [1.5, "#fff"]]) {
      context.lineWidth = width; context.strokeStyle = colour;
      context.beginPath(); context.arc(x, y, Math.max(1.5, this.size / 2 * stage.scale), 0, 7); context.stroke();
    }
  }
}

// --- arrays to and from Python ------------------------------------------------------------------------------------
async function through(stream, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

const unpack = (text) => through(new DecompressionStream("deflate"), Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));

async function pack(values) {
  const bytes = await through(new CompressionStream("deflate"), values);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
