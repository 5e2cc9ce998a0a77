use plimsoll_oci::Digest;
use plimsoll_testkit::{Image, RegistryClient, TestBlob};
use serde_json::json;

use super::cosign::Cosign;
use super::crafted::{Crafted, KIND, Recipe, Signer, statement};
use super::{plimsoll, workshop};
use crate::peers::Server;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A way to write evidence, and who takes it.
struct Row {
    name: &'static str,
    made: Crafted,
    key: String,
    is_taken: bool,
    by_cosign: bool,
}

struct Table<'s> {
    image: Image,
    signer: &'s Signer,
    rows: Vec<(Image, Row)>,
}

impl<'s> Table<'s> {
    /// Adds a row about an image of its own.
    fn row(
        &mut self,
        name: &'static str,
        (is_taken, by_cosign): (bool, bool),
        make: impl FnOnce(Recipe<'s>, &Digest) -> Recipe<'s>,
    ) {
        let image = self.next_image();
        let subject = image.manifest.descriptor.clone();
        let recipe = make(Recipe::usual(self.signer, &subject.digest), &subject.digest);
        let key = recipe.signer.public();
        let made = Crafted::around(&subject, recipe.bundle());
        self.rows.push((image, Row { name, made, key, is_taken, by_cosign }));
    }

    /// The same, with other types in the manifest.
    fn typed(&mut self, name: &'static str, is_taken: bool, layer_type: &str, artifact_type: &str) {
        let image = self.next_image();
        let subject = image.manifest.descriptor.clone();
        let bundle = Recipe::usual(self.signer, &subject.digest).bundle();
        let made = Crafted::typed(&subject, bundle, layer_type, artifact_type);
        let row = Row { name, made, key: self.signer.public(), is_taken, by_cosign: is_taken };
        self.rows.push((image, row));
    }

    fn next_image(&mut self) -> Image {
        self.image = Image::small(100 + self.rows.len() as u64, 1, 64);
        self.image.clone()
    }
}

async fn push(client: &RegistryClient, tag: &str, image: &Image, made: &Crafted) {
    client.push_image("matrix", tag, image).await.unwrap();
    for blob in [&made.layer, &made.config] {
        if !client.has_blob("matrix", blob.digest()).await.unwrap() {
            client.push_blob("matrix", blob).await.unwrap();
        }
    }
    put(client, &made.manifest).await;
}

async fn put(client: &RegistryClient, manifest: &TestBlob) {
    client.put_manifest("matrix", &manifest.digest().to_string(), manifest).await.unwrap();
}

#[test]
fn every_way_to_write_evidence_is_judged_as_the_contract_says() {
    let directory = workshop();
    let home = directory.path();
    let Some(cosign) = Cosign::find(home) else { return };
    let curve = |name: &'static str, curve: &str| {
        Signer::make(home, name, &["-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")])
    };
    let Some(p256) = curve("p256", "P-256") else { return };
    let [p384, p521] = [curve("p384", "P-384"), curve("p521", "P-521")].map(Option::unwrap);
    let rsa = Signer::make(home, "rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]).unwrap();
    let ed25519 = Signer::make(home, "ed25519", &["-algorithm", "ED25519"]).unwrap();

    let mut table = Table { image: Image::small(1, 1, 64), signer: &p256, rows: Vec::new() };
    let (both, ours, nobody) = ((true, true), (true, false), (false, false));
    table.row("P-256, Statement v1", both, |usual, _| usual);
    table.row("Statement v0.1", both, |mut recipe, _| {
        recipe.statement["_type"] = "https://in-toto.io/Statement/v0.1".into();
        recipe
    });
    table.row("two subjects, one of them ours", both, |mut recipe, _| {
        let other = json!({ "name": "other", "digest": { "sha256": "ab".repeat(32) } });
        recipe.statement["subject"].as_array_mut().unwrap().insert(0, other);
        recipe
    });
    table.row("no hint", both, |recipe, _| Recipe { has_hint: false, ..recipe });
    table.row("the older form of the media type", both, |recipe, _| Recipe {
        media_type: "application/vnd.dev.sigstore.bundle+json;version=0.3",
        ..recipe
    });
    table.row("RSA", both, |recipe, _| Recipe { signer: &rsa, ..recipe });
    table.row("Ed25519", both, |recipe, _| Recipe { signer: &ed25519, hash: None, ..recipe });
    table.row("P-384 with SHA-256", both, |recipe, _| Recipe { signer: &p384, ..recipe });
    table.row("P-384 with SHA-384", ours, |recipe, _| Recipe {
        signer: &p384,
        hash: Some("sha384"),
        ..recipe
    });
    table.row("P-521", nobody, |recipe, _| Recipe { signer: &p521, hash: Some("sha512"), ..recipe });
    table.row("a keyid that is the hint", ours, |recipe, _| Recipe { has_key_id: true, ..recipe });
    table.row("two signatures", nobody, |recipe, _| Recipe { signatures: 2, ..recipe });
    table.row("version 0.1", ours, |recipe, _| Recipe {
        media_type: "application/vnd.dev.sigstore.bundle+json;version=0.1",
        ..recipe
    });
    table.row("no envelope", nobody, |recipe, _| Recipe { envelope: "messageSignature", ..recipe });
    table.row("another subject", nobody, |recipe, _| Recipe {
        statement: statement(&Digest::sha256_of(b"another")),
        ..recipe
    });
    table.typed("another artifact type", true, BUNDLE, "application/vnd.example.evidence");
    table.typed("another layer type", false, "application/vnd.example.evidence", BUNDLE);

    let server = Server::start();
    let client = RegistryClient::new([format!("http://{}", server.host())]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut wrong = Vec::new();
    for (number, (image, row)) in table.rows.iter().enumerate() {
        runtime.block_on(push(&client, &format!("{number}"), image, &row.made));
        let name = format!("{}/matrix:{number}", server.host());
        let judged = plimsoll(home, &["verify", &name, "--key", &row.key, "--type", KIND]);
        if (judged.code == 0) != row.is_taken {
            wrong.push(format!("{}: {}{}", row.name, judged.stdout, judged.stderr));
        }
        if cosign.verifies_attestation(&row.key, KIND, &name) != row.by_cosign {
            wrong.push(format!("{}: cosign says otherwise", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let (image, good) = &table.rows[0];
    let junk = Crafted::around(&image.manifest.descriptor, "no bundle");
    runtime.block_on(async {
        client.push_blob("matrix", &junk.layer).await.unwrap();
        put(&client, &junk.manifest).await;
    });
    let name = format!("{}/matrix:0", server.host());
    let judged = plimsoll(home, &["verify", &name, "--key", &good.key, "--type", KIND]);
    assert_eq!(judged.code, 0, "{}", judged.stderr);
    assert!(judged.stdout.contains("not counted: "), "{}", judged.stdout);
    assert!(cosign.verifies_attestation(&good.key, KIND, &name));
}
