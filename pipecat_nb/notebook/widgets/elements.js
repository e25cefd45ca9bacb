// The elements that a card is made of. All text becomes text nodes; nothing here reads markup.

import { plain } from "./log.js";

/** An element with classes and children; null children are left out. */
export function make(tag, names = "", ...children) {
  const element = document.createElement(tag);
  if (names) element.className = names;
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
/** Outside text, set apart so that its direction ends with it. */
export const bdi = (text) => make("bdi", "", String(text).split("\n").map(plain).join("\n"));

/** A text only where it differs: what stays keeps the reader's selection. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
export function attribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
export function hide(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function button(names, text, press) {
  const element = make("button", `pcb-button ${names}`, text);
  element.type = "button";
  element.addEventListener("click", press);
  return element;
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page that did not come by https has no clipboard.
    const focused = document.activeElement;
    const area = make("textarea", "");
    area.value = text;
    area.style.cssText = "position:fixed;opacity:0";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return copied;
  }
}

export function copyButton(what, text, say) {
  const pressed = async () => {
    const copied = await copy(text);
    put(element, copied ? "Copied" : "Not copied");
    say(copied ? `Copied the ${what}` : `The browser does not let the ${what} be copied`);
    setTimeout(() => put(element, "Copy"), 2000);
  };
  const element = button("pcb-copy", "Copy", pressed);
  element.setAttribute("aria-label", `Copy the ${what}`);
  return element;
}
