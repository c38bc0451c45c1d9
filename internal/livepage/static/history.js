// History is the points of the last 15 minutes, a list of values for each column.
const length = 15 * 60; // seconds
const gap = 5; // seconds without a point: nothing is drawn across

export class History {
  columns = [];
  values = []; // by column, oldest first; null where there is nothing to draw

  // begin takes the worker's own points. keep leaves those from before its restart.
  begin(columns, points, keep) {
    const before = keep ? this.points() : [];
    this.columns = columns;
    this.values = columns.map(() => []);
    const from = points[0]?.[0] ?? Infinity;
    for (const point of before) {
      if (point[0] < from) this.add(point);
    }
    this.#interrupt();
    for (const point of points) this.add(point);
  }

  add(point) {
    const times = this.values[0];
    if (!times) return;
    const last = times.at(-1);
    if (last !== undefined && point[0] <= last) return; // one of these is there already
    if (last !== undefined && point[0] - last > gap) this.#interrupt();
    this.values.forEach((of, i) => of.push(point[i] ?? null));
    const old = times.findIndex((t) => t >= point[0] - length);
    if (old > 0) this.values.forEach((of) => of.splice(0, old));
  }

  // interrupt lets the lines end here: what comes next is not joined to them.
  #interrupt() {
    const last = this.values[0].at(-1);
    if (last !== undefined) this.values.forEach((of, i) => of.push(i === 0 ? last + 0.5 : null));
  }

  points() {
    return (this.values[0] ?? []).map((_, row) => this.values.map((of) => of[row]));
  }

  of(column) {
    return this.values[this.columns.indexOf(column)] ?? [];
  }

  // lately is the mean of a column's last n values.
  lately(column, n = 10) {
    const of = this.of(column).slice(-n).filter((v) => v !== null);
    return of.length === 0 ? null : of.reduce((sum, v) => sum + v, 0) / of.length;
  }
}
