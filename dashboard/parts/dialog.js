/** A question before something is done. */

import { h } from './dom.js';

/**
 * Asks, and waits: whether it is to be done. Escape and Cancel say no.
 * @param {{title: string, text: string, action: string, isDangerous?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action, isDangerous = false }) {
  const before = document.activeElement;
  return new Promise((resolve) => {
    let isOpen = true;
    // The event that tells of the end comes after the focus is back: a key pressed in between would
    // meet who still waits for the answer.
    const end = (/** @type {boolean} */ isSure) => {
      if (!isOpen) return;
      isOpen = false;
      dialog.close();
      dialog.remove();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      resolve(isSure);
    };
    const dialog = h(
      'dialog',
      { class: 'dialog', 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-text' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', { id: 'dialog-text' }, text),
      h(
        'div',
        { class: 'buttons' },
        h('button', { type: 'button', onclick: () => end(false) }, 'Cancel'),
        h(
          'button',
          {
            type: 'button',
            class: isDangerous ? 'danger' : 'primary',
            onclick: () => end(true),
          },
          action,
        ),
      ),
    );
    dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      end(false);
    });
    // Where a browser closes it all the same.
    dialog.addEventListener('close', () => end(false));
    document.body.append(dialog);
    dialog.showModal();
  });
}
