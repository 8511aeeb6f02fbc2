// The painter of the review page: labels and masks.
// Works on an array of ids, one byte a pixel; what is seen is made from it. So ids never blend.
class PaintTool {
  constructor(values, width, height, labels) {
    this.values = values;
    this.width = width;
    this.height = height;
    this.labels = labels;
    this.steps = new Steps();
    this.kind = "brush";
    this.label = labels.length > 1 ? 1 : 0;
    this.size = 15;
    this.opacity = 0.55;
    this.polygon = [];
    this.layer = new OffscreenCanvas(width, height);
    this.pixels = new ImageData(width, height);
    this.colours = new Uint32Array(256).fill(0xffff00ff); // an id without a colour is seen at once
    for (const {
      id,
      colour: [red, green, blue],
    } of labels) {
      this.colours[id] = id === 0 ? 0 : ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    }
    this.show(0, 0, width, height);
  }

  value() {
    return this.values;
  }

  show(left, top, right, bottom) {
    const view = new Uint32Array(this.pixels.data.buffer);
    for (let y = top; y < bottom; y += 1) {
      for (let at = y * this.width + left; at < y * this.width + right; at += 1)
        view[at] = this.colours[this.values[at]];
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
    let left = width,
      top = height,
      right = 0,
      bottom = 0;
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        if (before[at] !== this.values[at]) {
          left = Math.min(left, x);
          right = Math.max(right, x + 1);
          top = Math.min(top, y);
          bottom = y + 1;
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
    const was = cut(before),
      is = cut(this.values);
    this.steps.add({ back: () => put(was), forth: () => put(is) });
    this.show(left, top, right, bottom);
  }

  get ink() {
    return this.kind === "eraser" ? 0 : this.label;
  }

  // All pixels whose centre lies within half the brush's size of the stroke, and the one under the pointer.
  stroke(from, to) {
    const radius = this.size / 2,
      { width, height } = this;
    const left = clamp(Math.floor(Math.min(from.x, to.x) - radius), 0, width);
    const right = clamp(Math.ceil(Math.max(from.x, to.x) + radius), 0, width);
    const top = clamp(Math.floor(Math.min(from.y, to.y) - radius), 0, height);
    const bottom = clamp(Math.ceil(Math.max(from.y, to.y) + radius), 0, height);
    const dx = to.x - from.x,
      dy = to.y - from.y,
      length = dx * dx + dy * dy;
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const px = x + 0.5 - from.x,
          py = y + 0.5 - from.y;
        const along = length ? clamp((px * dx + py * dy) / length, 0, 1) : 0;
        const ax = px - along * dx,
          ay = py - along * dy;
        if (ax * ax + ay * ay <= radius * radius) this.values[y * width + x] = this.ink;
      }
    }
    const x = Math.floor(to.x),
      y = Math.floor(to.y);
    if (x >= 0 && y >= 0 && x < width && y < height) this.values[y * width + x] = this.ink;
    this.show(left, top, right, bottom);
  }

  // The connected region (four neighbours) of one id.
  fill(point) {
    const { width, height } = this;
    const x = Math.floor(point.x),
      y = Math.floor(point.y);
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const from = this.values[y * width + x],
      to = this.label;
    if (from === to) return;
    this.step(() => {
      const waiting = [y * width + x];
      this.values[waiting[0]] = to;
      while (waiting.length) {
        const at = waiting.pop(),
          column = at % width;
        for (const next of [column > 0 ? at - 1 : -1, column < width - 1 ? at + 1 : -1, at - width, at + width]) {
          if (next >= 0 && next < this.values.length && this.values[next] === from) {
            this.values[next] = to;
            waiting.push(next);
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
        const cuts = [],
          line = y + 0.5;
        corners.forEach((a, index) => {
          const b = corners[(index + 1) % corners.length];
          if (a.y <= line !== b.y <= line) cuts.push(a.x + ((line - a.y) / (b.y - a.y)) * (b.x - a.x));
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
    const x = Math.floor(point.x),
      y = Math.floor(point.y);
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) this.label = this.values[y * this.width + x];
  }

  down(point, event) {
    if (event.altKey || this.kind === "pick") this.pick(point);
    else if (this.kind === "fill") this.fill(point);
    else if (this.kind === "polygon") this.polygon.push(point);
    else {
      this.before = this.values.slice();
      this.last = point;
      this.stroke(point, point);
    }
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
    if (kinds[key]) {
      this.kind = kinds[key];
      this.polygon = [];
    } else if (key === "[" || key === "]")
      this.size = clamp(Math.round(this.size * (key === "[" ? 0.8 : 1.25) + (key === "[" ? -0.5 : 0.5)), 1, 400);
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
      context.fillStyle = `rgb(${red} ${green} ${blue} / .35)`;
      context.fill();
      context.lineWidth = 1.5;
      context.strokeStyle = "#fff";
      context.stroke();
    }
    if (!stage.pointer || !["brush", "eraser"].includes(this.kind)) return;
    const [x, y] = place(stage.pointer.x, stage.pointer.y);
    for (const [width, colour] of [
      [3, "rgb(0 0 0 / .6)"],
      [1.5, "#fff"],
    ]) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.beginPath();
      context.arc(x, y, Math.max(1.5, (this.size / 2) * stage.scale), 0, 7);
      context.stroke();
    }
  }
}
