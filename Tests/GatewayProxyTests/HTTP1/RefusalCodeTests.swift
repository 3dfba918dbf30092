import GatewayModel
import GatewayWire
import Testing

@testable import GatewayProxy

@Suite("A refused request of HTTP/1 has the code of the page of errors")
struct RefusalCodeTests {
    @Test("the status that a client sees is the parser's", arguments: HTTP1ParseError.allCases)
    func statusIsTheParsers(error: HTTP1ParseError) {
        #expect(error.gatewayError.code.httpStatus == error.httpStatus)
    }

    @Test func ambiguousLengthsAndExpectationsHaveCodesOfTheirOwn() {
        #expect(HTTP1ParseError.unsupportedExpectation.gatewayError.code == .expectationFailed)
        for error in [HTTP1ParseError.lengthAndTransferEncoding, .duplicateContentLength, .badTransferEncoding] {
            #expect(error.gatewayError.code == .ambiguousFraming)
        }
        #expect(HTTP1ParseError.badHeaderName.gatewayError.code == .malformedRequest)
    }
}
