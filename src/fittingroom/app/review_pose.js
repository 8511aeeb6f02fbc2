// The skeleton tool of the review page.

const ABSENT = 0,
  HIDDEN = 1,
  SEEN = 2;

class PoseTool {
  constructor(rows, start) {
    this.rows = rows.map((row) => [...row]);
    this.limbs = start.limbs;
    this.mirrored = start.mirrored;
    this.steps = new Steps();
    this.selected = null;
    this.drag = null;
  }

  static colour(index) {
    return `hsl(${index * 20} 95% 55%)`;
  }

  value() {
    return this.rows.map((row) => [...row]);
  }

  set(rows) {
    const before = this.value(),
      after = rows.map((row) => [...row]);
    this.rows = after;
    this.steps.add({
      back: () => {
        this.rows = before.map((row) => [...row]);
      },
      forth: () => {
        this.rows = after.map((row) => [...row]);
      },
    });
  }

  change(index, row) {
    this.set(this.rows.map((old, at) => (at === index ? row : old)));
  }

  nearest(point, reach) {
    let best = null,
      least = reach;
    this.rows.forEach(([x, y, , seen], index) => {
      const away = Math.hypot(x - point.x, y - point.y);
      if (seen !== ABSENT && away <= least) {
        best = index;
        least = away;
      }
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
    else if (row[3] === ABSENT)
      this.selected = index; // the next click places it
    else this.change(index, [row[0], row[1], row[2], seen]);
  }

  mirror() {
    this.set(this.mirrored.map((index) => this.rows[index]));
  }

  key(event) {
    if (event.key === "m" || event.key === "M") {
      this.mirror();
      return true;
    }
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
      const a = place(this.rows[from][0], this.rows[from][1]),
        b = place(this.rows[to][0], this.rows[to][1]);
      for (const [width, colour] of [
        [5, "rgb(0 0 0 / .45)"],
        [3, PoseTool.colour(to)],
      ]) {
        context.lineWidth = width;
        context.strokeStyle = colour;
        context.setLineDash(this.rows[from][3] === HIDDEN || this.rows[to][3] === HIDDEN ? [2, 6] : []);
        context.beginPath();
        context.moveTo(...a);
        context.lineTo(...b);
        context.stroke();
      }
    });
    context.setLineDash([]);
    this.rows.forEach(([x, y, , seen], index) => {
      if (seen === ABSENT) return;
      const [left, top] = place(x, y),
        chosen = index === this.selected;
      context.beginPath();
      context.arc(left, top, chosen ? 8 : 6, 0, 7);
      context.fillStyle = seen === HIDDEN ? "rgb(255 255 255 / .35)" : PoseTool.colour(index);
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = chosen ? "#fff" : seen === HIDDEN ? PoseTool.colour(index) : "#1b1d20";
      context.stroke();
      if (chosen) {
        context.beginPath();
        context.arc(left, top, 10, 0, 7);
        context.strokeStyle = "#111";
        context.stroke();
      }
    });
  }
}
