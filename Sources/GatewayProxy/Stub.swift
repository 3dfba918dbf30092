import GatewayModel
import GatewayWire
import NIOCore
import Synchronization


extension Exchange {
    func answerFromCache() -> Bool { false }
}
