// The drawing area of the review page: a photo that can be zoomed and panned, and two tools on it.
// A tool draws itself over the photo, answers pointer and keys, and keeps its own undo; coordinates are image pixels.

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// --- undo: steps that know how to go back and forth ---------------------------------------------------------------
class Steps {
  constructor() {
    this.done = [];
    this.undone = [];
    this.saved = 0;
  }
  add(step) {
    this.done.push(step);
    this.undone = [];
    if (this.saved > this.done.length - 1) this.saved = -1;
  }
  undo() {
    const step = this.done.pop();
    if (step) {
      step.back();
      this.undone.push(step);
    }
    return Boolean(step);
  }
  redo() {
    const step = this.undone.pop();
    if (step) {
      step.forth();
      this.done.push(step);
    }
    return Boolean(step);
  }
  get dirty() {
    return this.saved !== this.done.length;
  }
  markSaved() {
    this.saved = this.done.length;
  }
}

// --- the stage ----------------------------------------------------------------------------------------------------
class Stage {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.changed = changed; // called after every change of the tool's value or view
    this.image = null;
    this.tool = null;
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    this.pointer = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.draw();
    });
    canvas.addEventListener("dblclick", (event) => {
      this.tool?.double?.(this.at(event));
      this.refresh();
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
      },
      { passive: false },
    );
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  show(image, tool) {
    const same = this.image && this.image.width === image.width && this.image.height === image.height;
    this.image = image;
    this.tool = tool;
    if (same) this.refresh();
    else this.fit();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const before = this.width;
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (this.image) {
      if (before && !this.fitted) this.draw();
      else this.fit();
    }
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
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.refresh();
  }

  at(event) {
    return { x: (event.offsetX - this.left) / this.scale, y: (event.offsetY - this.top) / this.scale };
  }

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
      this.left = event.offsetX - this.panning.x;
      this.top = event.offsetY - this.panning.y;
    } else {
      // every position that the mouse reported since the last frame: fast strokes stay smooth
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.tool?.move(this.at(each), each, this.scale);
    }
    this.refresh();
  }

  up(event) {
    if (!this.image) return;
    if (this.panning) this.panning = null;
    else this.tool?.up(this.at(event), event);
    this.refresh();
  }

  refresh() {
    this.changed();
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  paint() {
    if (!this.image) return;
    const context = this.context,
      ratio = this.canvas.width / this.width;
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

// --- arrays to and from Python ------------------------------------------------------------------------------------
async function through(stream, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

const unpack = (text) =>
  through(
    new DecompressionStream("deflate"),
    Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
  );

async function pack(values) {
  const bytes = await through(new CompressionStream("deflate"), values);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
