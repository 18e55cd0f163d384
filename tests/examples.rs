//! The examples do what they say.

#[path = "../examples/new_persona.rs"]
mod new_persona;
#[path = "../examples/own_driver_in_the_world.rs"]
mod own_driver_in_the_world;

#[test]
fn own_transport_brings_both_flows_to_acm() {
    new_persona::own_transport::main().expect("both devices come to ACM");
}

#[test]
fn own_driver_in_the_world_keeps_every_guarantee() {
    own_driver_in_the_world::main().expect("every guarantee holds");
}

#[test]
fn new_persona_keeps_every_guarantee_and_comes_to_acm() {
    new_persona::main().expect("the model and the simulated device come to ACM");
}
