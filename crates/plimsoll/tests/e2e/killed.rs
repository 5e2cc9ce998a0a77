use plimsoll_testkit::KillLoop;

use crate::PLIMSOLL;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_collects_garbage_loses_no_image() {
    let report = KillLoop { images: 80, writers: 8, kills: 3 }.run(PLIMSOLL).await;
    println!("{report}");
    assert_eq!(report.kills, 3);
    assert_eq!(report.failed, [""; 0]);
    assert_eq!(report.broken, [""; 0]);
    assert_eq!(report.fsck.damages, []);
    assert_eq!(report.fsck.unknown_objects, 0);
    assert!(report.collected > 0, "nothing was collected");
    let (objects, needed) = report.objects_and_needed;
    assert_eq!(objects, needed, "objects are left over");
}
