//! How commands and containers end.

use super::{check, code, page, prose, table};
use crate::exit::EVERY_EXIT;
use crate::wasm::end;

#[test]
fn exit_codes() {
    let introduction = "A container's exit code is what its program says, or tells what became of it.\n\
                        They differ, so that a `podFailurePolicy` can tell them apart.";
    let mut text = page("Exit codes", introduction);
    text += "\n## Of commands\n\n";
    let rows = EVERY_EXIT.iter().map(|(exit, when)| [code(&exit.code().to_string()), prose(when)]);
    table(&mut text, ["exit code", "when"], rows);
    text += "\n## Of containers\n\n";
    let rows = end::every_end().into_iter().map(|(when, end)| {
        let message = end.message.unwrap_or_default();
        [prose(when), code(&end.exit_code.to_string()), code(&end.reason), prose(&message)]
    });
    table(&mut text, ["what the program did", "exit code", "reason", "message"], rows);
    check("exit-codes", &text);
}
