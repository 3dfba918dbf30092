/// What *admit* took on behalf of a request and *settle* must give back, exactly once.
struct Admission {
    var isEmpty: Bool { true }

    mutating func release(_ exchange: Exchange) {}
}
