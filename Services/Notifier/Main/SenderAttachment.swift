// Ends the webhook client with the process. It starts with the notifier's topology, which needs it.

import NotifierService
import ServiceHost

struct SenderAttachment: Attachment {
    let sender: HTTPWebhookSender

    var waitingFor: [String] { [] }
    func start(until stop: StopRequest) throws(ServiceFailure) {}
    func stop() { sender.stop() }
}
