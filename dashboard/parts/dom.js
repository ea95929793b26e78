/**
 * Elements, made by calls. Text is always text: nothing here, or anywhere, reads HTML.
 */

/** @typedef {Node | string | number | false | null | undefined} Child */

/**
 * Makes an element: `h('a', { href, class: 'name' }, 'text')`.
 *
 * A function is a listener (`onclick`), `true` is an attribute without a value, and `false` or
 * `undefined` is none.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value !== false && value !== undefined && value !== null) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

/**
 * Puts these in place of all that is in `host`.
 * @param {Element} host
 * @param {...(Child | Child[])} children
 */
export function fill(host, ...children) {
  host.replaceChildren(...nodes(children));
}

/**
 * Writes only what changes, so that what is selected or read out stays.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} element @param {string} name @param {string} value */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * The child at a place, made the first time.
 * @template {HTMLElement} T
 * @param {Element} host
 * @param {number} at
 * @param {() => T} make
 * @returns {T}
 */
export function childAt(host, at, make) {
  const found = host.children[at];
  if (found) return /** @type {T} */ (found);
  return host.appendChild(make());
}

/**
 * Calls again each second, until the signal fires or the page is not looked at.
 * @param {AbortSignal} signal @param {() => void} call
 */
export function eachSecond(signal, call) {
  const timer = setInterval(() => document.hidden || call(), 1000);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children
    .flat()
    .filter((it) => it !== false && it !== null && it !== undefined)
    .map((it) => (it instanceof Node ? it : String(it)));
}
