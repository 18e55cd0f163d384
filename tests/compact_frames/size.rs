//! What a run costs on the wire.

use crate::cutter::Cut;
use crate::world::{Flow, Rig, play};

#[test]
fn compact_frames_take_at_most_75_percent_of_the_bytes_of_json_messages() {
    play(async {
        let json = Rig::new(Flow::A, 30).await;
        let in_json = json.run(true, |_| Cut::Never).await;
        json.assert_acm(&in_json);
        let compact = Rig::new(Flow::A, 31).await;
        let in_frames = compact.run(false, |_| Cut::Never).await;
        compact.assert_acm(&in_frames);
        assert_eq!(in_frames.handshakes, in_json.handshakes, "the same TLS sessions");
        let (frames, json) = (in_frames.passed, in_json.passed);
        println!(
            "JSON: {} bytes in {} messages; compact: {} bytes in {} messages; {:.1} %",
            json.bytes,
            json.messages,
            frames.bytes,
            frames.messages,
            100.0 * frames.bytes as f64 / json.bytes as f64
        );
        assert!(frames.bytes * 100 <= json.bytes * 75, "{frames:?} {json:?}");
    });
}
