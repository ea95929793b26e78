/**
 * An object as YAML, in the style of `kubectl get -o yaml`: for reading, so long texts stay whole.
 * Pure. It only writes; what people type is read by the server.
 */

/** @param {any} object @returns {string} */
export function toYaml(object) {
  const shown = structuredClone(object);
  // Who set which field is of no use to who reads, and longer than all the rest.
  if (shown.metadata) delete shown.metadata.managedFields;
  return block(shown, '').replace(/^\n/, '');
}

/** @param {any} value @param {string} indent @returns {string} what stands after the colon */
function block(value, indent) {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []\n';
    return `\n${value.map((it) => item(it, indent)).join('')}`;
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, it]) => it !== undefined);
    if (entries.length === 0) return ' {}\n';
    return `\n${entries.map(([key, it]) => entry(key, it, indent)).join('')}`;
  }
  if (typeof value === 'string' && /\n./.test(value) && !/^\s|[\r\t]| \n/.test(value)) {
    return literal(value, indent);
  }
  return ` ${scalar(value)}\n`;
}

/** @param {string} key @param {any} value @param {string} indent */
function entry(key, value, indent) {
  // A list stands no deeper than its key.
  const deeper = Array.isArray(value) ? indent : `${indent}  `;
  return `${indent}${scalar(key)}:${block(value, deeper)}`;
}

/** @param {any} value @param {string} indent */
function item(value, indent) {
  const inner = block(value, `${indent}  `);
  return inner.startsWith('\n')
    ? `${indent}- ${inner.slice(1 + indent.length + 2)}`
    : `${indent}-${inner}`;
}

/** @param {string} text @param {string} indent */
function literal(text, indent) {
  const ending = text.endsWith('\n') ? '' : '-';
  const body = text.replace(/\n$/, '').split('\n');
  return ` |${ending}\n${body.map((line) => (line ? `${indent}${line}\n` : '\n')).join('')}`;
}

/** @param {any} value */
function scalar(value) {
  if (typeof value !== 'string') return String(value);
  const isPlain =
    /^[A-Za-z_./][\w./%@+=-]*(?:[ :][\w./%@+=(),-]+)*$/.test(value) &&
    !/^(?:true|false|yes|no|on|off|null|y|n|~)$/i.test(value) &&
    !/^[.\d]+(?:e\d+)?$|^\.(?:inf|nan)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
