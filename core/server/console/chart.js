// Small line charts in SVG: the last LENGTH values of a few series, on a common scale.

const SVG = 'http://www.w3.org/2000/svg';
export const LENGTH = 60;
const HEIGHT = 40;

const make = (name, attributes) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

export class Chart {
  // names: classes of the lines; label: what assistive technology says
  constructor(names, label) {
    this.node = make('svg', {
      class: 'chart', viewBox: `0 0 ${LENGTH - 1} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img',
    });
    this.label = label;
    this.node.append(make('line', { class: 'base', x1: 0, x2: LENGTH - 1, y1: HEIGHT, y2: HEIGHT }));
    this.lines = names.map((name) => {
      const line = make('polyline', { class: name });
      this.node.append(line);
      return { line, values: [] };
    });
  }

  push(...values) {
    this.lines.forEach(({ values: kept }, i) => {
      kept.push(values[i]);
      if (kept.length > LENGTH) kept.shift();
    });
    const top = Math.max(1e-9, ...this.lines.flatMap(({ values: kept }) => kept));
    for (const { line, values: kept } of this.lines) {
      const at = LENGTH - kept.length;
      line.setAttribute('points', kept.map((v, i) =>
        `${at + i},${(HEIGHT - (v / top) * (HEIGHT - 3)).toFixed(1)}`).join(' '));
    }
    this.node.setAttribute('aria-label', `${this.label}: now ${values.map((v) => v.toFixed(1)).join(' and ')}`);
  }
}
