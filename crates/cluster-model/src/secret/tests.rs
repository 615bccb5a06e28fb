use super::log::redacted;
use super::*;

#[test]
fn names_that_sound_secret() {
    for name in [
        "PASSWORD",
        "DB_PASSWORD",
        "PGPASSWORD",
        "MYSQL_ROOT_PASSWD",
        "dbPass",
        "DB_PWD",
        "TOKEN",
        "GITHUB_TOKEN",
        "accessToken",
        "CLIENT_SECRET",
        "clientSecret",
        "API_KEY",
        "apikey",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "SSH_PRIVATE_KEY",
        "CREDENTIALS",
        "BASIC_AUTH",
        "Authorization",
        "DATABASE_DSN",
        "SENTRY_DSN",
        "TLS_CERT",
        "tls.key",
        "CONNECTION_STRING",
        "JWT",
        "SESSION_COOKIE",
        "PASSWORD_SALT",
        "checksum/secret",
        "--api-key",
    ] {
        assert!(is_name(name), "{name}");
    }
    for name in [
        "HOST",
        "DB_HOST",
        "LOG_LEVEL",
        "MONKEY",
        "KEYCLOAK_URL",
        "AUTHOR",
        "COMPASS",
        "BYPASS",
        "PASSENGERS",
        "CERTAIN",
        "PUBLIC_KEY",
        "publicCert",
        "PORT",
        "cert-manager.io/inject",
        "PWDX",
        "TURKEY",
        "",
    ] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn values_that_look_secret_under_an_innocent_name() {
    for value in [
        "postgres://shop:hunter2@db:5432/shop",
        "amqp://:pw@mq",
        "shop:hunter2@tcp(db:3306)/shop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
        "0123456789abcdef0123456789abcdef",
        "kx93jf0a2lq8z7w5n1c4v6b2",
        "host=db user=shop password=hunter2",
        "Server=db;Password=hunter2;",
        "{\"user\": \"shop\", \"password\": \"hunter2\"}",
        "password: hunter2",
        "curl -H 'Authorization: Bearer abc' http://x",
        "export DB_TOKEN=abc && run",
        "Basic c2hvcDpodW50ZXIy",
        "https://hooks.slack.com/services/T000/B000/abc",
        "curl -d @x https://hooks.slack.com/services/T000/B000/XXXXxxxx",
        "https://discord.com/api/webhooks/1/abc",
        "-phunter2",
        "-pS3cret!",
        "mysqldump -uroot -pswordfish shop",
        "/usr/bin/mysql -p1234",
        "the admin password is hunter2, change it",
        "password is: swordfish",
        "password is swordfish",
    ] {
        assert!(named("SETTING", value), "{value}");
        assert!(text(value), "{value}");
    }
}

#[test]
fn values_that_are_shown() {
    for (name, value) in [
        ("LOG_LEVEL", "debug"),
        ("DB_URL", "postgres://db:5432/shop"),
        ("DB_URL", "postgres://shop:$(DB_PASSWORD)@db:5432/shop"),
        ("HTTP_PROXY", "http://proxy.example.com:3128"),
        ("MAIL_FROM", "shop@example.com"),
        ("IMAGE", "r.io/shop:1.5@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("GIT_COMMIT", "0123456789abcdef0123456789abcdef01234567"),
        ("checksum/config", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("checksum/secret", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("TLS_KEY_FILE", "/tls/tls.key"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/google/key.json"),
        ("AUTH", "false"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "$(OTHER)"),
        ("DB_PASSWORD", "${OTHER}"),
        ("JAVA_MAIN", "org.springframework.boot.loader.launch.JarLauncher"),
        ("PEER_ID", "123e4567-e89b-12d3-a456-426614174000"),
        ("NOTE", "the password is in the vault"),
        ("NOTE", "the password is wrong."),
        ("NOTE", "the token was rotated"),
        ("ARGS", "mysql -p$(DB_PASSWORD) shop"),
        ("ARGS", "-p8080:80"),
        ("ARGS", "-port=8080 -prefix -p/etc/app -p 80"),
        ("SLACK", "https://hooks.slack.com/"),
        ("DOCS", "https://docs.slack.dev/webhooks/a"),
        ("QUERY", "a long text of many words that has 20 or more characters"),
        ("CLUSTER", "production-eu-central-1-primary-2"),
    ] {
        assert!(!named(name, value), "{name}={value}");
    }
}

#[test]
fn one_edit_makes_the_difference() {
    for (name, value, hidden) in [
        ("DB_URL", "postgres://shop:pw@db", true),
        ("DB_URL", "postgres://shop@db", false),
        ("PASSWORD", "true1", true),
        ("PASSWORD", "true", false),
        ("KEY_FILE", "/k", false),
        ("KEY_FIL", "/k", true),
        ("CHECKSUM", "0123456789abcdef0123456789abcdef", false),
        ("CHECK", "0123456789abcdef0123456789abcdef", true),
        ("X", "0123456789abcdef0123456789abcde", false),
    ] {
        assert_eq!(named(name, value), hidden, "{name}={value}");
    }
}

const COMMIT: &str = "3f2a9c1d4e5b6a7f8091a2b3c4d5e6f708192a3b";

#[test]
fn commits_and_digests_are_no_secrets() {
    let digest = format!("sha256:{}", &COMMIT.repeat(2)[..64]);
    for value in [
        format!("reverts {COMMIT}"),
        format!("reverts {COMMIT}."),
        format!("see https://git.example.com/shop/web/commit/{COMMIT}, incident 7"),
        format!("shop/web/commit/{COMMIT}"),
        format!("shop/web@{COMMIT}"),
        "reverts 3f2a9c1, 3f2a9c1d4e5b and 0123456789".to_owned(),
        format!("back from {digest}."),
        format!("shop@{digest} crashes"),
        format!("(sha512:{})", &COMMIT.repeat(4)[..128]),
    ] {
        assert!(!text(&value), "{value}");
        assert_eq!(redacted(&[&value]), [value.as_str()]);
    }
    for value in [
        format!("token={COMMIT}"),
        format!("the password is {COMMIT}"),
        format!("{COMMIT}0"),
        COMMIT[..39].to_owned(),
        COMMIT.to_uppercase(),
        COMMIT.replace('3', "g"),
        "sha256:kx93jf0a2lq8z7w5n1c4v6b2".to_owned(),
        COMMIT.repeat(2)[..64].to_owned(),
    ] {
        assert!(text(&value), "{value}");
    }
    assert!(named("API_TOKEN", COMMIT));
}

proptest::proptest! {
    #[test]
    fn any_commit_and_any_digest(commit in "[0-9a-f]{40}", short in "[0-9a-f]{7,12}", digest in "[0-9a-f]{64}") {
        for value in [commit.clone(), format!("rollback of {short}"), format!("sha256:{digest}")] {
            proptest::prop_assert!(!text(&value), "{}", value);
        }
    }

    /// Forty letters and digits at random are never all of them those of a commit.
    #[test]
    fn no_random_base64(value in "[A-Za-z0-9+/]{40}") {
        let wild = value.bytes().any(|b| b.is_ascii_digit())
            && value.bytes().any(|b| b.is_ascii_lowercase())
            && value.bytes().any(|b| b.is_ascii_uppercase());
        let changes = value.as_bytes().windows(2).filter(|w| kind(w[0]) != kind(w[1])).count();
        proptest::prop_assume!(wild && changes >= 12 && !value.starts_with('/'));
        proptest::prop_assert!(text(&value), "{}", value);
    }
}

fn kind(byte: u8) -> (bool, bool, bool) {
    (byte.is_ascii_uppercase(), byte.is_ascii_lowercase(), byte.is_ascii_digit())
}
