//! Who is let in, and by what they are known.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::bad_requests::check;
use super::client::{Client, Shows};
use crate::harness::{Home, Server, Stream};

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

/// Writes a file that nobody else can write, whatever is usual here: one of users must be so.
fn write(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.write(name, text);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
    path
}

#[test]
fn who_is_not_known() {
    let home = Home::new();
    // The SHA-256 of "old", and of "new".
    let users = "users:\n- name: jane\n  roles: [{role: view}]\n  tokens:\n  - sha256: \
                 cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4\n    expires: \
                 2020-01-01T00:00:00Z\n  - sha256: \
                 11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437\n";
    write(&home, "users.yaml", users);
    let server = Server::start(&home, &["--users", "users.yaml"]);
    let mut client = Client::connect(&server, &Shows::Nothing);
    let mut get = |path: &str, headers: &str| client.request(&format!("GET {path}"), headers, b"");
    for headers in [
        "",
        "Authorization: Bearer old\r\n",
        "Authorization: Bearer other\r\n",
        "Authorization: Basic YTpi\r\n",
    ] {
        check(headers, &get(JOBS, headers), 401, "Unauthorized", "Unauthorized");
    }
    assert_eq!(get("/livez", "").code, 200, "whether it lives is no secret");
    assert_eq!(get(JOBS, "Authorization: Bearer new\r\n").code, 200);
    let secrets = "/api/v1/namespaces/default/secrets";
    let forbidden = "User \"jane\" cannot list resource \"secrets\" in API group \"\" in the \
                     namespace \"default\"";
    check(secrets, &get(secrets, "Authorization: Bearer new\r\n"), 403, "Forbidden", forbidden);
    server.stop().exits(0);
}

/// An authority of somebody else, as PEM, and what it has signed for `name`: a certificate and its
/// key.
fn stranger(name: &str) -> (String, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "somebody else");
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "admin");
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    (authority.pem(), certificate.pem(), key.serialize_pem())
}

#[test]
fn a_certificate_that_somebody_else_has_signed() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let (_, certificate, key) = stranger("localhost");
    let shows = Shows::Another(certificate, key);
    let answer = Client::connect(&server, &shows).request(&format!("GET {JOBS}"), "", b"");
    check("a stranger", &answer, 401, "Unauthorized", "Unauthorized");
    server.stop().exits(0);
}

#[test]
fn a_file_of_users_that_changes() {
    let home = Home::new();
    let user = |role: &str| {
        // The SHA-256 of "new".
        let hash = "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437";
        format!(
            "users: [{{name: jane, roles: [{{role: {role}}}], tokens: [{{sha256: {hash}}}]}}]\n"
        )
    };
    // Whole or not at all, as editors write.
    let change = |text: String| {
        let next = write(&home, "next.yaml", &text);
        fs::rename(next, home.path("users.yaml")).expect("it must be moved");
    };
    change(user("view"));
    let mut server = Server::start(&home, &["--users", "users.yaml"]);
    let bearer = "Authorization: Bearer new\r\n";
    let delete = |server: &Server| {
        let line = format!("DELETE {JOBS}/a");
        Client::connect(server, &Shows::Nothing).request(&line, bearer, b"").code
    };
    assert_eq!(delete(&server), 403);
    change("users: [{nam: jane}]\n".to_owned());
    server.running().line(|from, line| {
        from == Stream::Stderr && line.contains("users.yaml") && line.contains("let in as before")
    });
    assert_eq!(delete(&server), 403, "who was known still is");
    change(user("edit"));
    server.running().line(|_, line| line.contains("users have been read again"));
    assert_eq!(delete(&server), 404);
    server.stop().exits(0);
}

#[test]
fn a_certificate_of_the_users_own() {
    let home = Home::new();
    let (authority, certificate, key) = stranger("localhost");
    home.write("server.crt", certificate + &authority);
    home.write("server.key", key);
    let options = ["--tls-cert", "server.crt", "--tls-key", "server.key"];
    let server = Server::start(&home, &options);
    let trusted = server.credential("certificate-authority-data");
    assert!(String::from_utf8_lossy(&trusted).contains(&authority), "clients trust its authority");
    let mut client = Client::connect(&server, &Shows::Certificate);
    assert_eq!(client.request(&format!("GET {JOBS}"), "", b"").code, 200);
    server.stop().exits(0);
    home.write("server.key", "no key");
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--tls-cert", "server.crt", "--tls-key", "server.key"];
    home.run(&arguments).exits(2).says("--tls-key server.key");
}

#[test]
fn requests_are_recorded_with_their_users() {
    let home = Home::new();
    let mut server = Server::start(&home, &["-v"]);
    let line = format!("GET {JOBS}?limit=5");
    assert_eq!(Client::connect(&server, &Shows::Certificate).request(&line, "", b"").code, 200);
    let line = server.running().line(|_, line| line.contains("?limit=5"));
    for part in ["method=GET", "code=200", "milliseconds=", "user=\"admin\"", "peer=127.0.0.1:"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    server.stop().exits(0);
}
