import GatewayModel
import Testing

@testable import GatewayLLM

/// A native stream as a provider sends it, and what it must tell.
struct NativeStream: Sendable, CustomTestStringConvertible {
    var name: String
    var shape: ReplyShape
    var text: String
    /// What the client gets if it did not ask for usage; nil for all of it.
    var filtered: String?
    /// What the client gets who asked for it, if the stream ends within an event.
    var whole: String?
    var expect: @Sendable (inout ReplyFacts) -> Void

    var testDescription: String { name }
    var facts: ReplyFacts {
        var facts = ReplyFacts()
        expect(&facts)
        return facts
    }

    static func usage(_ build: (inout TokenUsage) -> Void) -> TokenUsage {
        var usage = TokenUsage()
        build(&usage)
        return usage
    }

    private static func chunk(_ rest: String) -> String {
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-5-mini-2025\",\(rest)}\n\n"
    }

    static let chatUsage = chunk(
        "\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150,"
            + "\"prompt_tokens_details\":{\"cached_tokens\":30,\"audio_tokens\":5},"
            + "\"completion_tokens_details\":{\"reasoning_tokens\":20,\"audio_tokens\":3}}")
    static let chatHead =
        chunk("\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null")
        + chunk("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hé\\n\"},\"finish_reason\":null}],\"usage\":null")
        + chunk(
            "\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\","
                + "\"arguments\":\"{}\"}}]}}]"
        ) + chunk("\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":null")

    static func chatFacts(_ facts: inout ReplyFacts) {
        facts.usage = usage {
            $0.input = 65
            $0.cacheRead = 30
            $0.audioInput = 5
            $0.output = 27
            $0.reasoning = 20
            $0.audioOutput = 3
        }
        facts.ending = .complete
        facts.finishReason = "tool_calls"
        facts.responseID = "chatcmpl-1"
        facts.responseModel = "gpt-5-mini-2025"
        facts.hasContent = true
        facts.outputTextBytes = 8
    }

    static let chat = NativeStream(
        name: "chat", shape: .chatCompletions, text: chatHead + chatUsage + "data: [DONE]\n\n",
        filtered: chatHead + "data: [DONE]\n\n", expect: chatFacts)

    static let chatWithLineEnds = NativeStream(
        name: "chat with CRLF, comments and another order", shape: .chatCompletions,
        text: ": ping\r\n\r\n" + (chatUsage + chatHead).replacing("\n", with: "\r\n") + ": ping\r\n\r\ndata: [DONE]",
        filtered: ": ping\r\n\r\n" + chatHead.replacing("\n", with: "\r\n") + ": ping\r\n\r\ndata: [DONE]",
        expect: chatFacts)

    static let chatBroken = NativeStream(
        name: "chat with a broken event, and cut off", shape: .chatCompletions,
        text: chatHead + "data: {\"choices\":[\n\n" + chatUsage.dropLast(2),
        filtered: chatHead + "data: {\"choices\":[\n\n", whole: chatHead + "data: {\"choices\":[\n\n"
    ) {
        chatFacts(&$0)
        $0.ending = .open
        $0.malformedEvents = 1
    }

    static let chatError = NativeStream(
        name: "chat that fails", shape: .chatCompletions,
        text: chatHead
            + "data: {\"error\":{\"message\":\"The server is overloaded\","
            + "\"type\":\"server_error\",\"code\":\"503\"}}\n\n"
            + "data: [DONE]\n\n", filtered: nil
    ) {
        chatFacts(&$0)
        $0.usage = nil
        $0.ending = .failed
        $0.error = ProviderError(type: "server_error", code: "503", message: "")
        $0.isErrorAfterContent = true
    }

    static let completions = NativeStream(
        name: "completions", shape: .completions,
        text: "data: {\"id\":\"cmpl-1\",\"choices\":[{\"text\":\"abc\",\"index\":0,\"finish_reason\":\"length\"}],"
            + "\"model\":\"m\"}\n\ndata: {\"id\":\"cmpl-1\",\"choices\":[],\"model\":\"m\","
            + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n",
        filtered: "data: {\"id\":\"cmpl-1\",\"choices\":[{\"text\":\"abc\",\"index\":0,\"finish_reason\":\"length\"}],"
            + "\"model\":\"m\"}\n\ndata: [DONE]\n\n"
    ) {
        $0.usage = usage {
            $0.input = 3
            $0.output = 1
        }
        $0.ending = .complete
        $0.finishReason = "length"
        $0.responseID = "cmpl-1"
        $0.responseModel = "m"
        $0.hasContent = true
        $0.outputTextBytes = 3
    }

    static let messages = NativeStream(
        name: "messages", shape: .messages,
        text: """
            event: message_start
            data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",\
            "model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":25,\
            "cache_creation_input_tokens":12,"cache_read_input_tokens":7,\
            "cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":8},"output_tokens":1}}}

            event: ping
            data: {"type": "ping"}

            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

            event: content_block_start
            data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t",\
            "name":"f","input":{}}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta",\
            "partial_json":"{}"}}

            event: message_delta
            data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},\
            "usage":{"input_tokens":25,"cache_read_input_tokens":7,"output_tokens":15,\
            "output_tokens_details":{"thinking_tokens":5}}}

            event: message_stop
            data: {"type":"message_stop"}


            """, filtered: nil
    ) {
        $0.usage = usage {
            $0.input = 25
            $0.cacheRead = 7
            $0.cacheWrite5m = 4
            $0.cacheWrite1h = 8
            $0.output = 10
            $0.reasoning = 5
        }
        $0.ending = .complete
        $0.finishReason = "tool_use"
        $0.responseID = "msg_1"
        $0.responseModel = "claude-x"
        $0.hasContent = true
        $0.outputTextBytes = 8
    }

    static let messagesOverloaded = NativeStream(
        name: "messages that fail before content", shape: .messages,
        text: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_2\",\"model\":\"c\","
            + "\"usage\":{\"input_tokens\":9,\"cache_creation_input_tokens\":3,\"output_tokens\":1}}}\n\n"
            + "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
            + "\"message\":\"Overloaded\"}}\n\n",
        filtered: nil
    ) {
        $0.usage = usage {
            $0.input = 9
            $0.cacheWrite5m = 3
            $0.output = 1
        }
        $0.ending = .failed
        $0.responseID = "msg_2"
        $0.responseModel = "c"
        $0.error = ProviderError(type: "overloaded_error", code: "", message: "")
    }

    static let responses = NativeStream(
        name: "responses", shape: .responses,
        text: """
            event: response.created
            data: {"type":"response.created","response":{"id":"resp_1","model":"gpt-5",\
            "status":"in_progress","usage":null,"error":null}}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","item_id":"i","delta":"Hi you"}

            event: response.output_text.done
            data: {"type":"response.output_text.done","text":"Hi you"}

            event: response.incomplete
            data: {"type":"response.incomplete","response":{"id":"resp_1","model":"gpt-5",\
            "status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"},\
            "output":[{"content":[{"text":"Hi you"}]}],"usage":{"input_tokens":37,\
            "input_tokens_details":{"cached_tokens":10},"output_tokens":11,\
            "output_tokens_details":{"reasoning_tokens":4},"total_tokens":48}}}


            """, filtered: nil
    ) {
        $0.usage = usage {
            $0.input = 27
            $0.cacheRead = 10
            $0.output = 7
            $0.reasoning = 4
        }
        $0.ending = .complete
        $0.finishReason = "max_output_tokens"
        $0.responseID = "resp_1"
        $0.responseModel = "gpt-5"
        $0.hasContent = true
        $0.outputTextBytes = 6
    }

    static let responsesFailed = NativeStream(
        name: "responses that fail", shape: .responses,
        text: "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_2\",\"model\":\"gpt-5\"}}\n\n"
            + "data: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_2\",\"status\":\"failed\",\"error\":"
            + "{\"code\":\"rate_limit_exceeded\",\"message\":\"Rate limit of org-abcdef\"},\"usage\":null}}\n\n",
        filtered: nil
    ) {
        $0.ending = .failed
        $0.finishReason = "failed"
        $0.responseID = "resp_2"
        $0.responseModel = "gpt-5"
        $0.error = ProviderError(type: "", code: "rate_limit_exceeded", message: "")
    }

    static let responsesError = NativeStream(
        name: "responses with an error event", shape: .responses,
        text:
            "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"no\",\"param\":null}\n\n",
        filtered: nil
    ) {
        $0.ending = .failed
        $0.error = ProviderError(type: "", code: "server_error", message: "")
    }

    static let all = [
        chat, chatWithLineEnds, chatBroken, chatError, completions, messages, messagesOverloaded, responses,
        responsesFailed, responsesError,
    ]
}
