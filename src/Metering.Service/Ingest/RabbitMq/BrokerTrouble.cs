using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>Puts what the broker client throws into one sentence with cause and remedy. Knows the login, never the password.</summary>
internal static partial class BrokerTrouble
{
    public static string Describe(Exception error, BrokerAddress broker)
    {
        foreach (var cause in Causes(error))
        {
            switch (cause)
            {
                case AuthenticationFailureException or PossibleAuthenticationFailureException:
                    return $"The broker at {broker} refuses the login '{broker.User}'; check user and password in Broker:Url.";
                case OperationInterruptedException { ShutdownReason: { Initiator: ShutdownInitiator.Peer } reason }:
                    return Describe(reason, broker);
                case AuthenticationException tls:
                    return $"TLS with the broker at {broker} failed: {tls.Message} Check the broker's certificate, its name and its authority.";
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return $"Nothing listens at {broker}; start the broker or correct Broker:Url.";
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                    return $"The name '{broker.Host}' of the broker is not known; correct Broker:Url or the name service.";
                case SocketException socket:
                    return $"The broker at {broker} can not be reached ({socket.SocketErrorCode}); check the network and Broker:Url.";
                case TimeoutException or OperationInterruptedException or OperationCanceledException or ObjectDisposedException: // the client's own ways to say that a handshake ended halfway
                    return $"The broker at {broker} does not answer in time; check that it is alive and speaks AMQP on this port.";
            }
        }

        return $"The broker at {broker} can not be used: {error.GetBaseException().Message}";
    }

    private static string Describe(ShutdownEventArgs reason, BrokerAddress broker) => reason.ReplyCode switch
    {
        Constants.PreconditionFailed when InequivalentArgument().Match(reason.ReplyText) is { Success: true } difference =>
            $"The {difference.Groups["kind"].Value} '{difference.Groups["name"].Value}' at {broker} exists with another '{difference.Groups["argument"].Value}' "
            + $"({difference.Groups["rest"].Value.Trim()}); drain and delete it, or set the Broker options back.",
        Constants.AccessRefused => $"The broker at {broker} does not allow '{broker.User}' to do this ({reason.ReplyText}); it needs configure, write and read on '^metering[.]' and write on 'amq[.]default'.",
        Constants.NotAllowed when reason.ReplyText.Contains("not found") => $"The virtual host of {broker} does not exist; create it (rabbitmqctl add_vhost) or correct Broker:Url.",
        Constants.NotAllowed => $"The broker at {broker} does not let '{broker.User}' in ({reason.ReplyText}); grant it access to the virtual host (rabbitmqctl set_permissions).",
        _ => $"The broker at {broker} closed the connection: {reason.ReplyText}.",
    };

    [GeneratedRegex("inequivalent arg '(?<argument>[^']*)' for (?<kind>queue|exchange) '(?<name>[^']*)'[^:]*:(?<rest>.*)$", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex InequivalentArgument();

    private static IEnumerable<Exception> Causes(Exception? error)
    {
        while (error is not null)
        {
            if (error is AggregateException several)
            {
                foreach (var cause in several.InnerExceptions.SelectMany(Causes)) yield return cause;
                yield break;
            }

            yield return error;
            error = error.InnerException;
        }
    }
}
