//! `pods/x/attach`, over real sockets.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::kit::{Cluster, POD, Tell, phase};
use crate::limits::INPUT_BYTES_MAX;

const EVERYTHING: &str = "attach?stdin=true&stdout=true&stderr=true";
const V4: &str = "v4.channel.k8s.io";
const V5: &str = "v5.channel.k8s.io";

fn with_input(is_once: bool) -> Value {
    json!({"containers": [{"name": "main", "image": "i", "stdin": true, "stdinOnce": is_once}]})
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Attaches to what `path` names; or gives the code and the message of the refusal.
    async fn attach(cluster: &Cluster, path: &str, protocol: &str) -> Result<Self, (u16, String)> {
        let address = cluster.listen().await;
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        let stream = TcpStream::connect(address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, response)) => {
                let spoken = response.headers()["sec-websocket-protocol"].to_str().unwrap();
                assert!(protocol.contains(spoken));
                Ok(Self(socket))
            }
            Err(Error::Http(response)) => {
                let status: Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
                let message = status["message"].as_str().unwrap().to_owned();
                Err((response.status().as_u16(), message))
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, message: &[u8]) {
        self.0.send(Message::Binary(message.to_vec().into())).await.unwrap();
    }

    /// What comes on `channel`, which is the one that something comes on, until it ends with `end`.
    async fn until(&mut self, channel: u8, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let message = self.0.next().await.unwrap().unwrap().into_data();
            assert_eq!(message[0], channel, "{message:?}");
            text.push_str(std::str::from_utf8(&message[1..]).unwrap());
        }
        text
    }

    /// The status at the end, after which the connection is closed.
    async fn status(mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap().into_data();
        assert_eq!(message[0], 3, "{message:?}");
        let close = self.0.next().await.unwrap().unwrap();
        assert!(matches!(close, Message::Close(Some(_))), "{close:?}");
        assert!(self.0.next().await.is_none());
        serde_json::from_slice(&message[1..]).unwrap()
    }
}

#[tokio::test]
async fn whoever_is_attached_sees_both_outputs_and_how_it_ends() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", json!({"containers": [{"name": "main", "image": "i"}]})).await;
    for protocol in [V5, V4, "v1.other, v4.channel.k8s.io"] {
        let path = format!("{POD}/attach?container=main&stdout=true&stderr=true");
        let mut client = Client::attach(&cluster, &path, protocol).await.unwrap();
        tell.send(Tell::Print("question? ")).unwrap();
        assert!(client.until(1, "question? ").await.ends_with("question? "));
        tell.send(Tell::Complain("no\n")).unwrap();
        assert_eq!(client.until(2, "\n").await, "no\n");
        // The client goes, and the container does not mind.
    }
    let path = format!("{POD}/attach?stderr=true");
    let mut client = Client::attach(&cluster, &path, V5).await.unwrap();
    tell.send(Tell::Print("unheard")).unwrap();
    tell.send(Tell::Complain("heard")).unwrap();
    drop(tell);
    assert_eq!(client.until(2, "heard").await, "heard");
    let status = client.status().await;
    assert_eq!(
        status,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
    );
}

#[tokio::test]
async fn what_is_typed_is_read_and_its_end_too() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", with_input(true)).await;
    tell.send(Tell::Echo).unwrap();
    drop(tell);
    let path = format!("{POD}/{EVERYTHING}");
    let mut client = Client::attach(&cluster, &path, V5).await.unwrap();
    client.send(b"\0hello ").await;
    assert_eq!(client.until(1, "hello ").await, "hello ");
    client.send(b"\0").await;
    client.send(b"\x04{\"Width\":80,\"Height\":24}").await;
    // Far more than waits at once.
    let flood = [b"\0".as_slice(), &vec![b'x'; 4 * INPUT_BYTES_MAX], b"!"].concat();
    client.send(&flood).await;
    assert_eq!(client.until(1, "!").await.len(), 4 * INPUT_BYTES_MAX + 1);
    client.send(b"\xff\0").await;
    assert_eq!(client.until(1, "<end>").await, "<end>");
    assert_eq!(client.status().await["status"], "Success");
    cluster.until("p", |pod| phase(pod) == "Succeeded").await;
}

#[tokio::test]
async fn with_stdin_once_the_input_ends_when_the_first_client_goes() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", with_input(true)).await;
    tell.send(Tell::Echo).unwrap();
    let path = format!("{POD}/{EVERYTHING}");
    let mut client = Client::attach(&cluster, &path, V4).await.unwrap();
    client.send(b"\0one").await;
    assert_eq!(client.until(1, "one").await, "one");
    drop(client);
    // It is over; whoever comes now only looks on.
    let mut late = Client::attach(&cluster, &path, V4).await.unwrap();
    assert!(late.until(1, "<end>").await.ends_with("<end>"));
    late.send(b"\0more").await;
    drop(tell);
    assert_eq!(late.status().await["status"], "Success");
}

#[tokio::test]
async fn without_stdin_once_the_next_client_goes_on() {
    let cluster = Cluster::start();
    let tell = cluster.run("p", with_input(false)).await;
    tell.send(Tell::Echo).unwrap();
    let path = format!("{POD}/{EVERYTHING}");
    let mut client = Client::attach(&cluster, &path, V5).await.unwrap();
    client.send(b"\0one").await;
    assert_eq!(client.until(1, "one").await, "one");
    let second = Client::attach(&cluster, &path, V5).await.err().unwrap();
    assert_eq!(second.0, 409);
    assert!(second.1.contains("another client is attached"), "{}", second.1);
    client.send(b"\xff\0").await;
    client.send(b"\0two").await;
    assert_eq!(client.until(1, "two").await, "two");
    client.0.close(None).await.unwrap();
    while client.0.next().await.is_some() {}
    cluster.logs.unfollowed(&cluster.first_run("p")).await;
    let mut next = Client::attach(&cluster, &path, V5).await.unwrap();
    next.send(b"\0three").await;
    assert!(next.until(1, "three").await.ends_with("three"));
}

#[tokio::test]
async fn a_shutdown_of_the_server_is_told() {
    let cluster = Cluster::start();
    let _tell = cluster.run("p", with_input(true)).await;
    let client = Client::attach(&cluster, &format!("{POD}/{EVERYTHING}"), V5).await.unwrap();
    cluster.shutdown.cancel();
    let status = client.status().await;
    assert_eq!((&status["status"], &status["code"]), (&json!("Failure"), &json!(503)));
}

#[tokio::test]
async fn who_can_not_be_attached_is_told_why_before_the_protocols_are_switched() {
    let cluster = Cluster::start();
    let check = async |path: &str, protocol: &str, code: u16, message: &str| {
        let refused = Client::attach(&cluster, path, protocol).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{path} must be refused"));
        assert_eq!((refused.0, &*refused.1), (code, message), "{path}");
    };
    let path = format!("{POD}/{EVERYTHING}");
    check(&path, V5, 404, "pods \"p\" not found").await;
    let tell = cluster.run("p", with_input(true)).await;
    let nothing = "you must specify at least 1 of stdin, stdout, stderr";
    check(&format!("{POD}/attach"), V5, 400, nothing).await;
    let terminal = "a container never has a terminal here: attach without --tty (-t)";
    check(&format!("{path}&tty=true"), V5, 400, terminal).await;
    check(&format!("{path}&container=z"), V5, 400, "container z is not valid for pod p").await;
    let other = "unable to upgrade: of the subprotocols, only v5.channel.k8s.io, \
                 v4.channel.k8s.io are spoken";
    check(&path, "v3.channel.k8s.io", 400, other).await;
    let plain = cluster.send("GET", &path).await;
    assert_eq!(plain.code, 400);
    assert_eq!(plain.body["message"], "Upgrade request required");
    drop(tell);
    cluster.until("p", |pod| phase(pod) == "Succeeded").await;
    let ended = "Internal error occurred: unable to upgrade connection: container main not found \
                 in pod p_default";
    check(&path, V5, 500, ended).await;
}
