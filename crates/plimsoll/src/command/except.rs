use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use plimsoll_attest::{Exception, Scope, SeenRisk};
use plimsoll_oci::Digest;
use plimsoll_transport::{Access, ImageName, Insight, Places, WarningCollector};
use plimsoll_vuln::report::ScanReport;
use plimsoll_vuln::vex::PurlPattern;

use super::approve::{end_of, only_here};
use super::cp::read_name;
use super::robot::parse_expiry;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::reading::find_image;
use crate::signing::{Saying, SigningArguments, say, wall_clock};

/// How often, and each time how long, to wait for a registry that still looks into the image.
const WAITS_MAX: u32 = 120;
const WAIT: Duration = Duration::from_millis(500);

/// Accept a vulnerability in an image for a time
///
/// The exception is a signed statement that refers to the image, and holds for all images of its repository, by the rules
/// of the project: the server shows an accepted finding with its reason, and gates let it pass. It says what was known when
/// it was granted. When the vulnerability becomes worse, is exploited or can be mended, the finding counts again.
#[derive(Debug, Args)]
#[command(
    override_usage = "plimsoll except [OPTIONS] --reason TEXT --owner WHO --expires TIME --key KEY IMAGE VULNERABILITY"
)]
pub(crate) struct Except {
    /// The image in a Plimsoll registry
    image: String,
    /// Any of its ids, such as CVE-2021-44228
    vulnerability: String,
    /// In this package alone: a package URL, without a version for every version
    #[arg(long, value_name = "PURL")]
    package: Option<PurlPattern>,
    /// Why it is acceptable
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for it
    #[arg(long, value_name = "WHO")]
    owner: String,
    /// How long it holds, such as 30d
    #[arg(long, value_name = "TIME", value_parser = parse_expiry)]
    expires: Duration,
    /// Only in this repository, and not where the image is copied to
    #[arg(long)]
    only_here: bool,
    #[command(flatten)]
    signing: SigningArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Except {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let report = context.block_on(ask_report(&places, &image))?;
        let exception = self.exception(&report, &image)?;
        let key = self.signing.open(context)?;
        let statement = |digest: &Digest| exception.statement(digest);
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }

    fn exception(&self, report: &ScanReport, image: &ImageName) -> Result<Exception, Failure> {
        let seen = report.seen(&self.vulnerability, self.package.as_ref());
        let unknown = || {
            Failure::usage(format!("nothing in the image has `{}`", self.vulnerability))
                .at(self.image.clone())
                .help(format!("plimsoll scan {}", self.image))
        };
        let (vulnerabilities, saws) = seen.ok_or_else(unknown)?;
        let [saw] = saws.as_slice() else {
            return Err(Failure::usage("it is not the same risk in all components")
                .at(self.image.clone())
                .help("say in which with --package"));
        };
        let now = wall_clock();
        let resource_uri = if self.only_here { Some(only_here(image)?) } else { None };
        Ok(Exception {
            vulnerabilities,
            package: self.package.as_ref().map(ToString::to_string),
            scope: Scope { environments: Vec::new(), resource_uri },
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            issued_at: now,
            expires_at: end_of(now, self.expires)?,
            saw: SeenRisk {
                severity: saw.severity.to_string(),
                exploited: saw.exploited,
                fixed: saw.fixed.clone(),
            },
        })
    }
}

/// What an image's own registry says is known against it.
pub(super) async fn ask_report(places: &Places, image: &ImageName) -> Result<ScanReport, Failure> {
    let not_served = || {
        Failure::not_evaluated("its registry does not judge the image")
            .at(image.to_string())
            .help("exceptions are for images in a Plimsoll registry that scans")
    };
    let ImageName::Registry { reference, .. } = image else { return Err(not_served()) };
    let open = places.open_source(image).await?;
    let digest = find_image(&open, None).await?.raw.digest;
    let repository = places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
    for _ in 0..WAITS_MAX {
        match repository.scan_report(&digest).await? {
            Insight::Document(json) => {
                return serde_json::from_slice(&json).map_err(|error| {
                    Failure::not_evaluated("the registry's report is not understood")
                        .because(&error)
                        .at(image.to_string())
                });
            }
            Insight::NotServed => return Err(not_served()),
            Insight::Waiting => tokio::time::sleep(WAIT).await,
        }
    }
    Err(Failure::not_evaluated("the registry still looks into the image").at(image.to_string()))
}
