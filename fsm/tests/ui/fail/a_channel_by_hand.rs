use amt_provision_fsm::channel::Odca;
use amt_provision_fsm::identity::RomCaHash;

fn trusted(rom_ca: RomCaHash) -> Odca {
    Odca { rom_ca }
}

fn main() {
    let _ = trusted;
}
