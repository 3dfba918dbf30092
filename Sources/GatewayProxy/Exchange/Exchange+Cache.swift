/// Answers from the response cache.
extension Exchange {
    /// Whether the cache had an answer, which has then been sent.
    func answerFromCache() -> Bool { false }
}
