use super::*;

/// Twenty records, a second apart, in segments of a few.
#[tokio::test]
async fn a_time_is_found_at_or_before_its_first_record_and_near_it() {
    const FIRST_MS: i64 = 1_795_255_200_000;
    let dir = directory();
    let (log, _) = open(dir.path(), &on_disk());
    assert_eq!(log.position_of(FIRST_MS).await, 1, "an empty log");
    for second in 0..20 {
        let one = NewRecord { received_at_ms: FIRST_MS + second * 1_000, ..record(&second.to_string(), 100) };
        log.append(vec![one], false).await.unwrap();
    }
    let segments = files(dir.path()).len();
    assert!(segments > 3, "{segments}");
    for reopened in [false, true] {
        let log = match reopened {
            // Nothing is known of the segments' times then but what stands in them.
            true => open(&copy(dir.path()), &on_disk()).0,
            false => log.clone(),
        };
        for second in 0..20_u64 {
            let exact = second + 1;
            let found = log.position_of(FIRST_MS + second as i64 * 1_000).await;
            assert!(found <= exact && found + 8 >= exact, "second {second}: {found}");
        }
        assert_eq!(log.position_of(0).await, 1);
        assert!(log.position_of(i64::MAX).await > 12);
    }
}

fn copy(dir: &Path) -> PathBuf {
    let to = dir.join("copy");
    std::fs::create_dir(&to).unwrap();
    for file in files(dir) {
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
    to
}
