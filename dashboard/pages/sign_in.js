/** Who are you? Asked once a tab, of those who show no client certificate. */

import { h } from '../parts/dom.js';

/** @param {string} why it is asked, `''` the first time @param {(token: string) => void} onToken */
export function signInPage(why, onToken) {
  const input = h('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': why ? 'why' : undefined,
    'aria-invalid': why ? 'true' : undefined,
  });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (input.value.trim()) onToken(input.value.trim());
  };
  queueMicrotask(() => input.focus());
  return h(
    'main',
    { class: 'sign-in' },
    h('h1', {}, 'mayfly'),
    h(
      'form',
      { onsubmit: submit },
      h('label', { for: 'token' }, 'Token'),
      input,
      why && h('p', { id: 'why', role: 'alert', class: 'wrong' }, why),
      h('button', { type: 'submit', class: 'primary' }, 'Sign in'),
    ),
    h(
      'p',
      { class: 'note' },
      'The token that the operator gave you, as kubectl would send it. It stays in this tab, and ' +
        'is forgotten when the tab is closed. With a client certificate in the browser, no token ' +
        'is needed.',
    ),
  );
}
