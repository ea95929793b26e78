//! What a guest calls of `wasi:http`, as the canonical ABI has it. Compiles on 1.63, like all here.
#![allow(dead_code)]

use std::fmt;

use crate::sockets::{block, input_drop, read, Area};

#[link(wasm_import_module = "wasi:http/types@0.2.0")]
extern "C" {
    #[link_name = "[constructor]fields"]
    fn fields() -> i32;
    #[link_name = "[constructor]outgoing-request"]
    fn outgoing_request(headers: i32) -> i32;
    #[link_name = "[method]outgoing-request.set-path-with-query"]
    fn set_path(request: i32, is_some: i32, text: *const u8, length: usize) -> i32;
    #[link_name = "[method]outgoing-request.set-scheme"]
    fn set_scheme(request: i32, is_some: i32, case: i32, text: *const u8, length: usize) -> i32;
    #[link_name = "[method]outgoing-request.set-authority"]
    fn set_authority(request: i32, is_some: i32, text: *const u8, length: usize) -> i32;
    #[link_name = "[method]future-incoming-response.subscribe"]
    fn future_subscribe(future: i32) -> i32;
    #[link_name = "[method]future-incoming-response.get"]
    fn future_get(future: i32, result: *mut Area);
    #[link_name = "[resource-drop]future-incoming-response"]
    fn future_drop(future: i32);
    #[link_name = "[method]incoming-response.status"]
    fn response_status(response: i32) -> i32;
    #[link_name = "[method]incoming-response.consume"]
    fn response_consume(response: i32, result: *mut Area);
    #[link_name = "[resource-drop]incoming-response"]
    fn response_drop(response: i32);
    #[link_name = "[method]incoming-body.stream"]
    fn body_stream(body: i32, result: *mut Area);
    #[link_name = "[resource-drop]incoming-body"]
    fn body_drop(body: i32);
}

#[link(wasm_import_module = "wasi:http/outgoing-handler@0.2.0")]
extern "C" {
    #[link_name = "handle"]
    fn handle(request: i32, has_options: i32, options: i32, result: *mut Area);
}

/// `wasi:http/types`' error-code, without what it carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(u8);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "DNS-timeout",
            1 => "DNS-error",
            6 => "connection-refused",
            7 => "connection-terminated",
            8 => "connection-timeout",
            9 => "connection-read-timeout",
            11 => "connection-limit-reached",
            12 => "TLS-protocol-error",
            13 => "TLS-certificate-error",
            15 => "HTTP-request-denied",
            19 => "HTTP-request-URI-invalid",
            26 => "HTTP-response-header-section-size",
            35 => "HTTP-protocol-error",
            _ => "another error",
        })
    }
}

/// The status of the answer to a GET of `url`, and its body as far as it came.
pub fn get(url: &str) -> Result<(i32, Vec<u8>), Error> {
    let (scheme, rest) = url.split_once("://").expect("a URL has a scheme");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut area = Area::new();
    unsafe {
        let request = outgoing_request(fields());
        let case = if scheme == "https" { 1 } else { 0 };
        set_scheme(request, 1, case, std::ptr::null(), 0);
        if set_authority(request, 1, authority.as_ptr(), authority.len()) != 0 {
            return Err(Error(19));
        }
        set_path(request, 1, path.as_ptr(), path.len());
        handle(request, 0, 0, &mut area);
        if area.byte(0) != 0 {
            return Err(Error(area.byte(8)));
        }
        let future = area.word(8);
        block(future_subscribe(future));
        future_get(future, &mut area);
        future_drop(future);
        assert!(area.byte(0) == 1 && area.byte(8) == 0, "the answer must be there");
        if area.byte(16) != 0 {
            return Err(Error(area.byte(24)));
        }
        let response = area.word(24);
        let status = response_status(response);
        response_consume(response, &mut area);
        let body = area.word(4);
        body_stream(body, &mut area);
        let stream = area.word(4);
        let mut read_all = Vec::new();
        loop {
            let bytes = read(stream, 65536);
            if bytes.is_empty() {
                break;
            }
            read_all.extend(bytes);
        }
        input_drop(stream);
        body_drop(body);
        response_drop(response);
        Ok((status, read_all))
    }
}
