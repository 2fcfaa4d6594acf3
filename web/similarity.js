/**
 * The one motion that hands do to what they hold: a shift, and with two or more of them a turn and a size. As on the server. Pure.
 * @module
 */

/** Of the frame's height: hands nearer together than this say where a thing goes, but not how it turns. */
const SPREAD = 0.02;

/** @typedef {{x: number, y: number}} Place */

/**
 * What takes the places `from` nearest to the places `to`, both in frame coordinates, one for each hand (least squares).
 * @param {Place[]} from
 * @param {Place[]} to
 * @param {number} aspect of the frame, width over height
 * @returns {(point: [number, number]) => [number, number]}
 */
export function similarity(from, to, aspect) {
  const middle = mean(from);
  const goal = mean(to);
  let [size, along, across] = [0, 0, 0];
  from.forEach(({ x, y }, index) => {
    const [ax, ay] = [(x - middle.x) * aspect, y - middle.y];
    const [bx, by] = [(to[index].x - goal.x) * aspect, to[index].y - goal.y];
    size += ax * ax + ay * ay;
    along += ax * bx + ay * by;
    across += ax * by - ay * bx;
  });
  const turns = size > from.length * SPREAD ** 2;
  const [cos, sin] = turns ? [along / size, across / size] : [1, 0];
  return ([x, y]) => {
    const [dx, dy] = [(x - middle.x) * aspect, y - middle.y];
    return [goal.x + (cos * dx - sin * dy) / aspect, goal.y + sin * dx + cos * dy];
  };
}

/** @param {Place[]} places @returns {Place} */
function mean(places) {
  const sum = places.reduce((all, { x, y }) => ({ x: all.x + x, y: all.y + y }));
  return { x: sum.x / places.length, y: sum.y / places.length };
}
