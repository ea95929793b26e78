//! Reads many keys, some at a time: as many as etcd answers in time, however large they are.
//!
//! ```text
//! 100 keys ─▶ no answer ─▶ 50 ─▶ no answer ─▶ 25 ─▶ a page ─▶ small? more the next time
//! ```

use tokio::time::sleep;

use crate::client::Client;
use crate::error::{Result, chain};
use crate::limits::{PAGE_BYTES, PAGE_KEYS_MAX, PAGE_TRIES_MAX, RETRY_PAUSE};
use crate::wire::{Found, KeyValue, range};

/// The keys of a range, from its beginning to its end.
pub(crate) struct Pages<'a> {
    client: &'a Client,
    /// The first key that was not read yet.
    from: String,
    end: String,
    /// How many keys are asked for.
    limit: usize,
    is_over: bool,
}

impl<'a> Pages<'a> {
    /// The keys from `from` up to `end`, which is left out.
    pub(crate) fn of(client: &'a Client, (from, end): (String, String)) -> Self {
        Self { client, from, end, limit: PAGE_KEYS_MAX, is_over: false }
    }

    /// The next keys, in order; none when there are no more.
    pub(crate) async fn next(&mut self) -> Result<Vec<KeyValue>> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let mut tries = 0;
        loop {
            match self.client.page(&range(&self.from, &self.end, self.limit)).await {
                Ok(page) => return Ok(self.turn(page)),
                Err(error) if error.is_passing() && tries < PAGE_TRIES_MAX => {
                    let (keys, error) = (self.limit, chain(&error));
                    tracing::warn!(keys, error, "can't read the state, trying again");
                    tries += usize::from(self.limit == 1);
                    self.limit = (self.limit / 2).max(1);
                    sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn turn(&mut self, page: Found) -> Vec<KeyValue> {
        self.is_over = !page.more;
        if let Some(last) = page.kvs.last() {
            self.from = format!("{}\0", last.key);
        }
        let bytes: usize = page.kvs.iter().map(|it| it.key.len() + it.value.len()).sum();
        self.limit = next_limit(self.limit, bytes);
        page.kvs
    }
}

/// How many keys to ask for after a page of `limit` keys had so many `bytes`: their neighbours are alike.
fn next_limit(limit: usize, bytes: usize) -> usize {
    if bytes > PAGE_BYTES {
        (limit / 2).max(1)
    } else if bytes <= PAGE_BYTES / 2 {
        (limit * 2).min(PAGE_KEYS_MAX)
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use serde_json::{Value, json};

    use super::*;
    use crate::fake::{Fake, Reply};

    /// What a range finds of the keys `k00` to `k19`.
    fn found(body: &Value) -> (usize, Value) {
        let text = |name: &str| BASE64.decode(body[name].as_str().unwrap()).unwrap();
        let limit: usize = body["limit"].as_str().unwrap().parse().unwrap();
        let keys = (0..20).map(|number| format!("k{number:02}"));
        let keys: Vec<_> = keys.filter(|key| text("key") <= key.clone().into_bytes()).collect();
        let kvs = keys.iter().take(limit);
        let kvs: Vec<_> = kvs.map(|key| json!({"key": BASE64.encode(key), "value": ""})).collect();
        (limit, json!({"kvs": kvs, "more": limit < keys.len()}))
    }

    async fn read(client: &Client) -> Result<Vec<String>> {
        let mut pages = Pages::of(client, ("k".to_owned(), "l".to_owned()));
        let mut keys = Vec::new();
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                return Ok(keys);
            }
            keys.extend(page.into_iter().map(|found| found.key));
        }
    }

    #[tokio::test]
    async fn a_page_that_is_not_answered_is_asked_for_in_smaller_ones() {
        let all: Vec<_> = (0..20).map(|number| format!("k{number:02}")).collect();
        for most in [100, 7, 1] {
            let fake = Fake::start(move |_, body| match found(body) {
                (limit, found) if limit <= most => Reply::Json(200, found),
                _ => Reply::Hangup,
            });
            let fake = fake.await;
            assert_eq!(read(&fake.client()).await.unwrap(), all, "at most {most} keys");
        }
        let fake = Fake::start(|_, _| Reply::Hangup).await;
        read(&fake.client()).await.expect_err("another server may be able to");
    }

    #[tokio::test]
    async fn a_page_may_take_its_time_while_something_of_it_comes() {
        let fake = Fake::start(|_, body| Reply::Slowly(found(body).1)).await;
        assert_eq!(read(&fake.client()).await.unwrap().len(), 20);
    }

    #[test]
    fn pages_are_of_so_many_bytes() {
        let check = |limit: usize, bytes: usize, expect: usize| {
            assert_eq!(next_limit(limit, bytes), expect, "{limit} keys, {bytes} bytes");
        };
        check(PAGE_KEYS_MAX, 1000, PAGE_KEYS_MAX);
        check(100, 100 << 20, 50);
        check(12, 12 << 20, 12);
        check(1, 100 << 20, 1);
        check(6, 1000, 12);
        check(1, 0, 2);
    }
}
