/** The lines of an answer that goes on, one by one, as they come. */

/** The longest line that is waited for: an object is a megabyte at most, and has a frame. */
const LINE_CHARS_MAX = 4 * 1024 * 1024;

/**
 * @param {Response} response
 * @param {() => void} [onBytes] called whenever something has come
 * @param {number} [cutAt] what is beyond of a line that has not ended may be left out
 * @returns {AsyncGenerator<string[]>} lines without their ends, as many at once as there are
 */
export async function* lines(response, onBytes = () => {}, cutAt = Number.POSITIVE_INFINITY) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      onBytes();
      const parts = (rest + value).split('\n');
      rest = (parts.pop() ?? '').slice(0, cutAt);
      if (rest.length > LINE_CHARS_MAX) throw new Error('a line of the answer has no end');
      if (parts.length) yield parts;
    }
    if (rest) yield [rest];
  } finally {
    reader.cancel().catch(() => {});
  }
}
