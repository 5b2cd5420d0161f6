//! Whose a request is.

use tagyard_tests::receiver::Receiver;

use crate::{container, folder, send, serve, tag};

/// Two containers that are told by their host names, and one by its key alone.
fn three() -> [(&'static str, String); 3] {
    let with_hosts = |name: &str, hosts: &str| {
        container(name)
            .replace("[collect]", &format!("[collect]\nhosts = [{hosts}]\norigins = [\"https://{name}.example\"]"))
    };
    [
        ("a.toml", with_hosts("shop", "\"metrics.shop.example\", \"*.shop.example\"")),
        ("b.toml", with_hosts("blog", "\"blog.shop.example\"")),
        ("c.toml", container("app").replace("[collect]", "[collect]\nprefix = \"/app\"\norigins = [\"*\"]")),
    ]
}

#[tokio::test]
async fn a_request_goes_to_the_container_of_its_host_name_or_else_of_its_key() {
    let receiver = Receiver::start().await;
    let files = three();
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    let mut taken = Vec::new();
    for (number, (host, key, expected)) in [
        ("metrics.shop.example", "shop-key", Ok("shop")),
        ("x.y.shop.example:8080", "shop-key", Ok("shop")),
        ("Blog.shop.example", "blog-key", Ok("blog")),
        // Its host name is the blog's, whatever key it shows, and the blog does not know that one.
        ("blog.shop.example", "shop-key", Err("none of this container's")),
        ("localhost", "blog-key", Ok("blog")),
        ("shop.example", "app-key", Ok("app")),
        ("localhost", "elsewhere", Err("that of no container here")),
        ("localhost", "", Err("that of no container here")),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = send(&served, host, key, &format!("m-{number}")).await;
        match expected {
            Ok(container) => {
                assert_eq!(answer.status, 200, "{host} {key}: {}", answer.text());
                taken.push((format!("{container}.example"), format!("m-{number}")));
            }
            Err(part) => {
                assert_eq!(answer.status, 401, "{host} {key}");
                assert!(answer.text().contains(part), "{host} {key}: {}", answer.text());
            }
        }
    }
    let received = receiver.wait_for(taken.len()).await;
    let mut arrived: Vec<(String, String)> = received
        .iter()
        .map(|request| (request.host.clone(), request.json()["messageId"].as_str().unwrap().to_owned()))
        .collect();
    arrived.sort();
    taken.sort();
    assert_eq!(arrived, taken);

    let metrics = served.client.get("/metrics").await.text();
    for line in [
        "tagyard_events_total{container=\"blog\",source=\"segment\"} 2",
        "tagyard_refused_requests_total{container=\"blog\",code=\"unknown_write_key\"} 1",
        "tagyard_refused_requests_total{code=\"unknown_write_key\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} is missing:\n{metrics}");
    }
    assert_eq!(served.client.get("/healthz").await.status, 200);
    assert_eq!(served.client.get("/readyz").await.status, 200);
    served.terminate().await;
}

#[tokio::test]
async fn what_no_container_takes_is_answered_and_counted() {
    let receiver = Receiver::start().await;
    let files = three();
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    let check = async |method: &str, path: &str, body: String, status: u16, code: &str| {
        let answer = served.client.send(method, path, &[], body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains(code), "{path}: {}", answer.text());
    };
    check("POST", "/nothing", String::new(), 404, "unclaimed").await;
    check("GET", "/v1/page", String::new(), 404, "unclaimed").await;
    check("POST", "/v1/page", "{".to_owned(), 400, "invalid_json").await;
    check("POST", "/v1/page", " ".repeat(600_000), 413, "too_large").await;
    // An SDK's report on itself shows no key, and has nothing in it to be kept.
    check("POST", "/v1/m", "{}".to_owned(), 200, "success").await;
    check("POST", "/app/v1/page", "{\"writeKey\": \"app-key\", \"anonymousId\": \"a\"}".to_owned(), 200, "success")
        .await;
    let metrics = served.client.get("/metrics").await.text();
    assert!(metrics.contains("tagyard_refused_requests_total{code=\"unclaimed\"} 2"), "{metrics}");
    served.terminate().await;
}

#[tokio::test]
async fn a_preflight_is_answered_without_putting_a_container_to_work() {
    let receiver = Receiver::start().await;
    let shop = three()[0].1.clone();
    let blog = three()[1].1.clone();
    let folder = folder(&[("a.toml", &shop), ("b.toml", &blog)]);
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    let check = async |host: &str, origin: &str, expected: Option<&str>| {
        let headers = [("host", host), ("origin", origin), ("access-control-request-method", "POST")];
        let answer = served.client.send("OPTIONS", "/v1/page", &headers, "").await;
        let allowed = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!(allowed, expected, "{host} {origin}");
    };
    check("metrics.shop.example", "https://shop.example", Some("https://shop.example")).await;
    check("metrics.shop.example", "https://blog.example", None).await;
    // Nothing tells whose it will be: one of any container.
    check("localhost", "https://blog.example", Some("https://blog.example")).await;
    check("localhost", "https://elsewhere.example", None).await;
    assert!(!served.log().contains(crate::WORKS), "{}", served.log());

    // The answer to the event is that container's alone.
    let headers = [("origin", "https://blog.example")];
    let event = |key: &str| crate::page(key, &format!("m-{key}")).to_string();
    let answer = served.client.send("POST", "/v1/page", &headers, event("shop-key")).await;
    assert_eq!((answer.status.as_u16(), answer.headers.get("access-control-allow-origin")), (200, None));
    let answer = served.client.send("POST", "/v1/page", &headers, event("blog-key")).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://blog.example");
    served.terminate().await;
}

#[tokio::test]
async fn a_webhook_with_a_secret_is_found_by_its_path() {
    let receiver = Receiver::start().await;
    let with_hook = |name: &str, path: &str, prefix: &str| {
        format!(
            "name = \"{name}\"\n\n[collect]\nwrite_keys = [\"{name}-key\"]\n{prefix}\n\n[[collect.webhook]]\npath = \"{path}\"\n\
             key = {{ header = \"X-Hook\", env = \"HOOK_{name}\" }}\nset = {{ event = \"'Hooked'\", userId = \"body.user\" }}\n\n{}",
            tag(name)
        )
    };
    let files =
        [("a.toml", with_hook("one", "/hooks/x", "")), ("b.toml", with_hook("two", "/hooks/x", "prefix = \"/two\""))];
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let options = ["containers", "--divert", &receiver.url()];
    let env = [("HOOK_one", "first"), ("HOOK_two", "second")];
    let served = tagyard_tests::command::Served::start(folder.path(), &env, &options).await;
    let check = async |path: &str, secret: &str, expected: u16| {
        let answer = served.client.send("POST", path, &[("x-hook", secret)], "{\"user\": \"u\"}").await;
        assert_eq!(answer.status, expected, "{path} {secret}: {}", answer.text());
    };
    check("/two/hooks/x", "second", 200).await;
    // One container's secret opens no other's webhook.
    check("/two/hooks/x", "first", 401).await;
    check("/two/hooks/y", "second", 404).await;
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].host, "two.example");
    served.terminate().await;
}
