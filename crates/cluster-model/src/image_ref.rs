//! Image references: their parts, what of two of them differs, and what a runtime and the server make of what is missing.

/// `repository[:tag][@digest]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub fn parse(image: &'a str) -> Self {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (image, None),
        };
        // A colon before a slash belongs to the registry's port.
        match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => Reference { repository, tag: Some(tag), digest },
            _ => Reference { repository: rest, tag: None, digest },
        }
    }

    /// What is behind the repository, as far as it identifies the image: `1.5`, `1.5@sha256:0a1b2c3d4e5f`.
    fn version(&self, digits: usize) -> String {
        let digest = self.digest.map(|digest| short_digest(digest, digits));
        match (self.tag, digest) {
            (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
            (Some(tag), None) => tag.to_owned(),
            (None, Some(digest)) => format!("@{digest}"),
            (None, None) => "latest".to_owned(),
        }
    }
}

/// `sha256:0a1b2c3d4e5f`, with so many digits.
pub fn short_digest(digest: &str, digits: usize) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) => format!("{algorithm}:{}", hex.get(..digits).unwrap_or(hex)),
        None => digest.to_owned(),
    }
}

/// Does it begin as a digest does? The algorithms are those of the OCI image specification.
pub fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, _)| matches!(algorithm, "sha256" | "sha512"))
}

/// The two in as few words as distinguish them: versions alone when the repository is the same.
pub fn delta(from: &str, to: &str) -> (String, String) {
    let (a, b) = (Reference::parse(from), Reference::parse(to));
    if a.repository != b.repository {
        return (from.to_owned(), to.to_owned());
    }
    let short = (a.version(12), b.version(12));
    if short.0 != short.1 {
        return short;
    }
    let long = (a.version(usize::MAX), b.version(usize::MAX));
    // `shop` and `shop:latest` differ only in how they are written.
    if long.0 != long.1 { long } else { (from.to_owned(), to.to_owned()) }
}

/// `Always` for latest, else `IfNotPresent` (`pkg/apis/core/v1/defaults.go`, SetDefaults_Container; parsers.ParseImageName).
pub fn default_pull_policy(image: &str) -> &'static str {
    let reference = Reference::parse(image);
    match (reference.tag, reference.digest) {
        (Some("latest"), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

/// `nginx` is `docker.io/library/nginx:latest` (distribution/reference, ParseNormalizedNamed). What is a `*` stays one.
pub fn normalized(image: &str) -> String {
    let Reference { repository: path, tag, digest } = Reference::parse(image);
    let path = match path.split_once('/') {
        Some((host, rest)) if host == "index.docker.io" || host == "docker.io" => hub(rest),
        Some((host, _)) if host.contains(['.', ':', '*']) || host == "localhost" => path.to_owned(),
        None if path.starts_with('*') => path.to_owned(),
        _ => hub(path),
    };
    match (tag, digest) {
        (Some(tag), None) => format!("{path}:{tag}"),
        // Beside a digest a tag has no effect.
        (_, Some(digest)) => format!("{path}@{digest}"),
        (None, None) if path.ends_with('*') => path,
        (None, None) => format!("{path}:latest"),
    }
}

fn hub(path: &str) -> String {
    if path.contains('/') { format!("docker.io/{path}") } else { format!("docker.io/library/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_difference_between_two_images() {
        let sha = |n: &str| format!("shop@sha256:{n}");
        let (a, b) = ("0123456789abcdef00", "0123456789abcdef11");
        for (from, to, shown) in [
            ("shop:1.5", "shop:1.4", ("1.5", "1.4")),
            ("r.io:5000/shop:1.5", "r.io:5000/shop:1.4", ("1.5", "1.4")),
            ("r.io:5000/shop", "r.io:5000/shop:1.4", ("latest", "1.4")),
            ("shop", "shop:latest", ("shop", "shop:latest")),
            ("shop:1.5", "other:1.5", ("shop:1.5", "other:1.5")),
            ("shop:1.5@sha256:aa", "shop:1.5", ("1.5@sha256:aa", "1.5")),
            (&sha(a), &sha("ffffffffffffffffff"), ("@sha256:0123456789ab", "@sha256:ffffffffffff")),
            (&sha(a), &sha(b), ("@sha256:0123456789abcdef00", "@sha256:0123456789abcdef11")),
        ] {
            let (x, y) = delta(from, to);
            assert_eq!((x.as_str(), y.as_str()), shown, "{from} {to}");
        }
    }

    #[test]
    fn the_pull_policy_that_the_server_fills_in() {
        for (image, policy) in [
            ("shop:1.5", "IfNotPresent"),
            ("shop:latest", "Always"),
            ("shop", "Always"),
            ("r.io:5000/shop", "Always"),
            ("shop@sha256:aa", "IfNotPresent"),
            ("shop:latest@sha256:aa", "Always"),
        ] {
            assert_eq!(default_pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn names_as_a_runtime_reads_them() {
        for (image, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("team/shop", "docker.io/team/shop:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/team/shop:1", "docker.io/team/shop:1"),
            ("localhost/shop:1", "localhost/shop:1"),
            ("reg:5000/shop", "reg:5000/shop:latest"),
            ("r.example.com/a/b:2", "r.example.com/a/b:2"),
            ("nginx:1@sha256:ab", "docker.io/library/nginx@sha256:ab"),
            ("*@sha256:ab", "*@sha256:ab"),
            ("*/shop:1", "*/shop:1"),
            ("shop:1.*", "docker.io/library/shop:1.*"),
        ] {
            assert_eq!(normalized(image), full);
        }
    }
}
