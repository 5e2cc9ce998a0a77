use plimsoll_testkit::KillLoop;

use crate::PLIMSOLL;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_images_outlive_twenty_kills() {
    let report = KillLoop { images: 1000, writers: 8, kills: 20 }.run(PLIMSOLL).await;
    println!("{report}");
    assert_eq!(report.kills, 20);
    let failed = report.failed.len() as u64;
    assert!(
        failed * 100 <= report.retried,
        "of {} retried pushes failed: {:?}",
        report.retried,
        report.failed
    );
    assert_eq!(report.broken, [""; 0]);
    assert_eq!(report.fsck.damages, []);
    assert_eq!(report.fsck.unknown_objects, 0);
    assert!(report.collected > 0, "nothing was collected");
    let (objects, needed) = report.objects_and_needed;
    assert_eq!(objects, needed, "objects are left over");
}
