//! What is refused before anybody looks at what is asked: other sites' pages, names that are not ours, tokens in URLs.

use axum::http::{HeaderMap, Method, Uri, header};
use std::net::{IpAddr, SocketAddr};

use crate::problem::Problem;
use crate::tokens::looks_like_a_token;
use crate::url;

/// Words of a query that say that a secret follows.
const SECRETS: [&str; 11] = [
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "key",
    "password",
    "secret",
    "token",
    "x-api-key",
];

/// The names under which this WakeHub may be asked.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    names: Vec<String>,
    /// The end of the connection on our side; none on the socket.
    local: Option<SocketAddr>,
}

impl Names {
    /// `extra` are those of the settings.
    pub fn new(extra: &[String], local: Option<SocketAddr>) -> Names {
        let mut names: Vec<String> = extra.iter().map(|name| name.to_ascii_lowercase()).collect();
        names.push("localhost".to_owned());
        if let Some(own) = gethostname::gethostname().to_str() {
            let own = own.to_ascii_lowercase();
            // a name without a dot is never somebody else's: public names have one
            let short = own.split('.').next().unwrap_or_default().to_owned();
            if !short.is_empty() {
                names.push(format!("{short}.local"));
                names.push(short);
            }
        }
        Names { names, local }
    }

    /// `localhost:9253`, `192.168.1.5:9253`, `[::1]:9253`: a name of ours, or the address that was connected to. A name that
    /// only resolves to us (DNS rebinding) is neither.
    fn know(&self, host: &str) -> bool {
        let (name, port) = split(host);
        if let (Some(port), Some(local)) = (port, self.local)
            && port != local.port()
            && !self.names.iter().any(|known| known == name)
        {
            return false;
        }
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => match self.local {
                Some(local) => {
                    address.to_canonical() == local.ip().to_canonical()
                        || (address.is_loopback() && local.ip().to_canonical().is_loopback())
                }
                None => address.is_loopback(),
            },
            Err(_) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                self.names.contains(&name)
            }
        }
    }
}

fn split(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        // the colons of a bare IPv6 address are no port
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name, port.parse().ok())
        }
        Some(_) | None => (host, None),
    }
}

/// Looks at everything but the token.
pub(crate) fn check(
    names: &Names,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let host = host(uri, headers)?;
    if !names.know(host) {
        return Err(Problem::misdirected(host));
    }
    no_token(uri)?;
    same_site(host, method, uri, headers)
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
    let mut given = headers.get_all(header::HOST).iter();
    let first = given.next().and_then(|host| host.to_str().ok());
    if given.next().is_some() {
        return Err(Problem::invalid("there is more than one Host header"));
    }
    first
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
        .filter(|host| !host.is_empty())
        .ok_or_else(|| Problem::invalid("there is no Host header"))
}

fn no_token(uri: &Uri) -> Result<(), Problem> {
    let in_path = uri.path().split('/').any(looks_like_a_token);
    let query = uri.query().unwrap_or_default();
    let pairs = url::query(query)
        .ok_or_else(|| Problem::invalid("the query of the URL is not percent-encoded UTF-8"))?;
    let in_query = pairs.iter().any(|(name, value)| {
        SECRETS.contains(&name.to_ascii_lowercase().as_str()) || looks_like_a_token(value)
    });
    if in_path || in_query {
        Err(Problem::token_in_url())
    } else {
        Ok(())
    }
}

/// A browser says where a request comes from; programs that are no browsers say nothing.
fn same_site(host: &str, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let refused = |from: &str| {
        Problem::forbidden(
            format!("the request comes from another site ({from})"),
            "Open WakeHub's own page; a program that is no browser sends no Origin.",
        )
    };
    if let Some(origin) = text("origin") {
        let own = origin
            .strip_prefix("http://")
            // a proxy speaks TLS to the browser and keeps the Host
            .or_else(|| origin.strip_prefix("https://"));
        if own.is_none_or(|own| !own.eq_ignore_ascii_case(host)) {
            return Err(refused(origin));
        }
    }
    let Some(site) = text("sec-fetch-site") else {
        return Ok(());
    };
    if site == "same-origin" || site == "none" {
        return Ok(());
    }
    // following a link to the page is no harm: it does nothing without a token, and no frame may show it
    let is_link = *method == Method::GET
        && text("sec-fetch-mode") == Some("navigate")
        && text("sec-fetch-dest") == Some("document")
        && !uri.path().starts_with("/api/");
    if is_link { Ok(()) } else { Err(refused(site)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            names: vec![
                "localhost".to_owned(),
                "desk".to_owned(),
                "wakehub.example.org".to_owned(),
            ],
            local: Some("192.168.1.5:9253".parse().unwrap()),
        }
    }

    fn asked(method: Method, uri: &str, headers: &[(&'static str, &str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let uri: Uri = uri.parse().unwrap();
        let problem = check(&names(), &method, &uri, &map).err()?;
        Some(
            axum::response::IntoResponse::into_response(problem)
                .status()
                .as_u16(),
        )
    }

    fn get(uri: &str, headers: &[(&'static str, &str)]) -> Option<u16> {
        let mut all = vec![("host", "localhost:9253")];
        all.extend_from_slice(headers);
        asked(Method::GET, uri, &all)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for own in [
            "localhost",
            "LOCALHOST:9253",
            "desk:9253",
            "192.168.1.5:9253",
            "192.168.1.5",
            "[::ffff:192.168.1.5]:9253",
            "wakehub.example.org",
            "wakehub.example.org:443",
            "localhost.:9253",
        ] {
            assert_eq!(asked(Method::GET, "/", &[("host", own)]), None, "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:9253",
            "localhost.evil.example",
            "192.168.1.6:9253",
            "192.168.1.5:80",
            "127.0.0.1:9253",
            "[::1]",
            "192.168.1.5.nip.io",
            "desk.evil.example",
            ":9253",
            "a b",
        ] {
            let status = asked(Method::GET, "/", &[("host", foreign)]);
            assert_eq!(status, Some(421), "{foreign}");
        }
        assert_eq!(asked(Method::GET, "/", &[]), Some(400));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(asked(Method::GET, "/", &twice), Some(400));
    }

    #[test]
    fn tokens_stand_in_no_url() {
        for bad in [
            "/?token=x",
            "/api/v1/snapshot?access_token=x",
            "/?a=1&API_KEY=",
            "/?x=wh-abcd-00000000000000000000000000",
            "/?x=wh%2Dabcd%2D00000000000000000000000000",
            "/wh-abcd-00000000000000000000000000",
            "/?a=%ff",
        ] {
            assert_eq!(get(bad, &[]), Some(400), "{bad}");
        }
        assert_eq!(get("/api/v1/journal?text=token+ring&limit=5", &[]), None);
    }

    #[test]
    fn other_sites_are_refused() {
        for origin in ["http://localhost:9253", "https://localhost:9253"] {
            assert_eq!(get("/", &[("origin", origin)]), None);
        }
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:5173",
            "http://localhost",
            "",
            "file://",
        ] {
            assert_eq!(get("/", &[("origin", origin)]), Some(403), "{origin}");
        }
        for site in ["cross-site", "same-site", "?"] {
            let seen = get("/api/v1/snapshot", &[("sec-fetch-site", site)]);
            assert_eq!(seen, Some(403), "{site}");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(get("/api/v1/snapshot", &[("sec-fetch-site", site)]), None);
        }
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(get("/", &link), None);
        assert_eq!(get("/api/v1/homelab", &link), Some(403));
        let framed = [link[0], link[1], ("sec-fetch-dest", "iframe")];
        assert_eq!(get("/", &framed), Some(403));
        let mut form = vec![("host", "localhost:9253")];
        form.extend_from_slice(&link);
        assert_eq!(asked(Method::POST, "/", &form), Some(403));
    }
}
