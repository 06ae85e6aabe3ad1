using System.Net.Sockets;
using System.Security.Authentication;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Metering.Agent.Shipping;

/// <summary>Puts what the broker client throws into one sentence with cause and remedy. Knows the login, never the password.</summary>
internal static class RabbitMqTrouble
{
    /// <summary><c>host:port/vhost</c>.</summary>
    public static string Address(ConnectionFactory factory) => $"{factory.HostName}:{factory.Endpoint.Port}/{factory.VirtualHost.TrimStart('/')}";

    public static string Describe(Exception error, ConnectionFactory factory)
    {
        var broker = Address(factory);
        foreach (var cause in Causes(error))
        {
            switch (cause)
            {
                case AuthenticationFailureException or PossibleAuthenticationFailureException:
                    return $"The broker at {broker} refuses the login '{factory.UserName}'; check user and password in Broker:Url, and that the user exists (rabbitmqctl list_users).";
                case OperationInterruptedException { ShutdownReason: { Initiator: ShutdownInitiator.Peer } reason }:
                    return Refusal(reason, factory.UserName, broker) ?? $"The broker at {broker} closed the connection: {reason.ReplyText}.";
                case AuthenticationException tls:
                    return $"TLS with the broker at {broker} failed: {tls.Message} Check the broker's certificate, its name and its authority.";
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return $"Nothing listens at {broker}; start the broker or correct Broker:Url.";
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }:
                    return $"The name '{factory.HostName}' of the broker is not known; correct Broker:Url or the name service.";
                case SocketException socket:
                    return $"The broker at {broker} can not be reached ({socket.SocketErrorCode}); check the network and Broker:Url.";
                case TimeoutException or OperationInterruptedException or OperationCanceledException: // the client's own ways to say that a handshake ended halfway
                    return $"The broker at {broker} does not answer in time; check that it is alive and speaks AMQP on this port.";
            }
        }

        return $"The broker at {broker} can not be used: {error.GetBaseException().Message}";
    }

    /// <summary>What the broker refuses and will refuse again; null for everything that may be different next time.</summary>
    public static string? Refusal(ShutdownEventArgs reason, string login, string broker) => reason.ReplyCode switch
    {
        Constants.AccessRefused => $"The broker at {broker} does not allow '{login}' to do this ({reason.ReplyText}); give it write permission on {RabbitMqTransport.Exchange} and the topic permission '^{login}[.]', and ship under that host id.",
        Constants.NotFound => $"The exchange {RabbitMqTransport.Exchange} does not exist at {broker}; start the service, which declares it, or correct the virtual host in Broker:Url.",
        Constants.PreconditionFailed => $"The broker at {broker} refuses the message: {reason.ReplyText}.",
        Constants.NotAllowed when reason.ReplyText.Contains("not found") => $"The virtual host of {broker} does not exist; create it (rabbitmqctl add_vhost) or correct Broker:Url.",
        Constants.NotAllowed => $"The broker at {broker} does not let '{login}' in ({reason.ReplyText}); grant it access to the virtual host (rabbitmqctl set_permissions).",
        _ => null,
    };

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
