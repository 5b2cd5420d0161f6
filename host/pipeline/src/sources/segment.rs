pub struct Segment;
