// Sizes, durations and counts in the words of quantities.py, rounded half to even as there. Pure.
// The scripts of a widget are joined to one module (their imports dropped): top-level names are unique to all.

const FORMAT = new Intl.NumberFormat("en-US");
export const number = (/** @type {number} */ value) => FORMAT.format(value);

/** The nearest whole number, of two the even one. */
function whole(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** With one place: toFixed is exact but for ties, which only quarters can be. */
const tenths = (value) => ((value * 4) % 2 === 1 ? whole(value * 10) / 10 : value).toFixed(1);

/** Bytes in the unit that fits. */
export function size(count) {
  if (count < 1024) return `${count} B`;
  let [value, unit] = [count / 1024, "kB"];
  for (const larger of ["MB", "GB"]) {
    if (value < 999.5) break;
    [value, unit] = [value / 1024, larger];
  }
  return `${value < 10 ? tenths(value) : whole(value)} ${unit}`;
}

/** Seconds with a tenth below ten, then whole ones, then minutes and hours. */
export function duration(seconds) {
  if (seconds < 0.05) return "<0.1 s";
  if (seconds < 9.95) return `${tenths(seconds)} s`;
  const all = whole(seconds);
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (value) => String(value).padStart(2, "0");
  if (hours) return `${hours} h ${two(minutes)} min`;
  return minutes ? `${minutes} min ${two(rest)} s` : `${rest} s`;
}
