use plimsoll_peers::TokenIssuer;
use ring::hmac;
use serde_json::json;

use super::*;
use crate::base64_text::encode;

const ISSUER: &str = "https://ci.example";
const NOW: i64 = 1_800_000_000;

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "plimsoll", "sub": "build", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300 })
}

/// The good claims with others in their place.
fn with(changes: Value) -> String {
    let (mut claims, Value::Object(changes)) = (claims(), changes) else { panic!("changes are an object") };
    claims.as_object_mut().unwrap().extend(changes);
    claims.to_string()
}

fn verify(token: &str, keys: &str) -> Result<TokenClaims, TokenError> {
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    let expected = ExpectedToken { issuer: ISSUER, audience: "plimsoll", keys: &keys };
    verify_token(token, &expected, Timestamp::from_second(NOW).unwrap())
}

#[test]
fn a_token_counts_for_its_audience_and_its_time() {
    let Some(issuer) = TokenIssuer::new() else { return };
    let keys = issuer.key_set("k1");
    let judged = |claims: &str| verify(&issuer.token("k1", claims), &keys);
    assert_eq!(judged(&claims().to_string()).unwrap().text("sub"), Some("build"));
    assert!(judged(&with(json!({ "aud": ["other", "plimsoll"] }))).is_ok());
    assert!(judged(&with(json!({ "exp": NOW - 59 }))).is_ok(), "clocks are not the same");
    let refused = |changes: Value| judged(&with(changes)).unwrap_err();
    let found = "https://evil.example".to_owned();
    assert_eq!(refused(json!({ "iss": found })), TokenError::Issuer { found, wanted: ISSUER.to_owned() });
    for other in [json!("other"), json!(["a", "b"]), json!([])] {
        assert_eq!(refused(json!({ "aud": other })), TokenError::Audience("plimsoll".to_owned()));
    }
    assert_eq!(refused(json!({ "aud": null })), TokenError::Missing("aud"));
    assert!(matches!(refused(json!({ "exp": NOW - 61 })), TokenError::Expired(_)));
    assert!(matches!(refused(json!({ "nbf": NOW + 61 })), TokenError::NotYet(_)));
    assert!(matches!(refused(json!({ "iat": NOW + 61 })), TokenError::NotYet(_)));
    assert_eq!(refused(json!({ "exp": NOW + 90_000 })), TokenError::LongLived);
    assert_eq!(refused(json!({ "exp": "tomorrow" })), TokenError::Missing("exp"));
    assert_eq!(refused(json!({ "iat": null })), TokenError::Missing("iat"));
}

#[test]
fn a_signature_by_another_key_or_of_another_kind_proves_nothing() {
    let (Some(issuer), Some(other)) = (TokenIssuer::new(), TokenIssuer::new()) else { return };
    let (keys, claims) = (issuer.key_set("k1"), claims().to_string());
    assert_eq!(verify(&other.token("k1", &claims), &keys), Err(TokenError::Signature));
    let unknown = verify(&issuer.token("k2", &claims), &keys).unwrap_err();
    assert!(unknown.is_unknown_key(), "{unknown}");
    let unnamed = issuer.token_with(r#"{"alg":"RS256"}"#, &claims);
    assert!(verify(&unnamed, &keys).is_ok(), "the issuer has only one key");
    let changed = {
        let mut parts: Vec<String> = issuer.token("k1", &claims).split('.').map(str::to_owned).collect();
        parts[1] = encode(with(json!({ "sub": "another" })).as_bytes());
        parts.join(".")
    };
    assert_eq!(verify(&changed, &keys), Err(TokenError::Signature));
    let critical = issuer.token_with(r#"{"alg":"RS256","kid":"k1","crit":["x"]}"#, &claims);
    assert_eq!(verify(&critical, &keys), Err(TokenError::Critical));
}

#[test]
fn the_public_key_is_no_secret_and_no_signature_is_none() {
    let Some(issuer) = TokenIssuer::new() else { return };
    let (keys, claims) = (issuer.key_set("k1"), claims().to_string());
    let signed = format!("{}.{}", encode(br#"{"alg":"HS256","kid":"k1"}"#), encode(claims.as_bytes()));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &issuer.public_key()), signed.as_bytes());
    let confused = format!("{signed}.{}", encode(mac.as_ref()));
    assert_eq!(verify(&confused, &keys), Err(TokenError::Algorithm("HS256".to_owned())));
    for (header, name) in [
        (r#"{"alg":"none","kid":"k1"}"#, "none"),
        (r#"{"alg":"None"}"#, "None"),
        (r#"{"alg":"RS512","kid":"k1"}"#, "RS512"),
        (r#"{"alg":["RS256"]}"#, "nothing"),
        ("{}", "nothing"),
    ] {
        let token = issuer.token_with(header, &claims);
        assert_eq!(verify(&token, &keys), Err(TokenError::Algorithm(name.to_owned())));
    }
    let unsigned = format!("{}.{}.", encode(br#"{"alg":"none"}"#), encode(claims.as_bytes()));
    assert_eq!(verify(&unsigned, &keys), Err(TokenError::Shape));
}

#[test]
fn what_could_be_read_in_two_ways_is_not_read() {
    let Some(issuer) = TokenIssuer::new() else { return };
    let keys = issuer.key_set("k1");
    let twice =
        format!(r#"{{"iss":"https://evil.example",{}"#, claims().to_string().strip_prefix('{').unwrap());
    for claims in [
        twice.as_str(),
        r#"{"sub":{"a":1,"a":2}}"#,
        &format!(r#"{{"a":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        "[]",
        "{} {}",
        "\u{feff}{}",
    ] {
        let token = issuer.token("k1", claims);
        let Err(TokenError::Json { part: "claims", .. } | TokenError::TooLong(_)) = verify(&token, &keys)
        else {
            panic!("{claims}")
        };
    }
    let header = r#"{"alg":"none","alg":"RS256","kid":"k1"}"#;
    let token = issuer.token_with(header, &claims().to_string());
    assert!(matches!(verify(&token, &keys), Err(TokenError::Json { part: "header", .. })));
    assert_eq!(
        verify(&"x".repeat(TOKEN_BYTES_MAX + 1), &keys),
        Err(TokenError::TooLong(TOKEN_BYTES_MAX + 1))
    );
    for shape in ["", "a.b", "a.b.c.d", "..", "a..c", "!.!.!"] {
        assert_eq!(verify(shape, &keys), Err(TokenError::Shape), "{shape}");
    }
}

#[test]
fn a_set_of_keys_has_limits_and_a_key_that_can_be_used() {
    let refused = |json: &str| KeySet::parse(json.as_bytes()).unwrap_err().to_string();
    assert!(refused(r#"{"keys":[]}"#).starts_with("the set has no RSA key"));
    let short = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
    assert!(refused(short).starts_with("the set has no RSA key"));
    let symmetric = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
    assert!(refused(symmetric).starts_with("the set has no RSA key"));
    let many = format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"RSA"}"#; 257].join(","));
    assert_eq!(refused(&many), "the set has 257 keys; at most 256 are read");
    assert!(refused(&" ".repeat(600_000)).starts_with("the set of keys has 600000 bytes"));
    assert_eq!(refused(&"[".repeat(10_000)), "the JSON is nested more than 96 levels deep");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(token in ".{0,40}\\.?[e-y0-9]{0,40}\\.?[A-Za-z0-9_-]{0,40}") {
        let expected = ExpectedToken { issuer: ISSUER, audience: "plimsoll", keys: &KeySet::default() };
        let _ = verify_token(&token, &expected, Timestamp::UNIX_EPOCH);
        let _ = claimed_issuer(&token);
    }
}
