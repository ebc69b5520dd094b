// Starts the service as a process; everything else is in Service and Domain.

import Foundation
import NotifierService
import ServiceHost
import Webhooks

let process = ServiceProcess(.notifier, summary: "delivers signed webhooks")
exit(
    process.run { (parts) throws(ServiceFailure) in
        do throws(WebhookClientFailure) {
            let sender = try HTTPWebhookSender(clock: parts.clock)
            return ServiceDefinition(
                topology: notifierTopology(sender: sender, catalog: parts.log.catalog, registry: parts.registry),
                attachments: [SenderAttachment(sender: sender)])
        } catch {
            throw ServiceFailure(.webhooksUnavailable, "\(error)")
        }
    })
