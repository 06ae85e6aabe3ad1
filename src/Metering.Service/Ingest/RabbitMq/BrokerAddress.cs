using System.Net.Security;
using Metering.Safety;
using RabbitMQ.Client;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>Where the broker is and how to log in, parsed once from <see cref="BrokerOptions.Url"/>.</summary>
internal sealed class BrokerAddress
{
    private static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(5);

    private readonly ConnectionFactory _factory;

    private BrokerAddress(ConnectionFactory factory) => _factory = factory;

    public string Host => _factory.HostName;

    public ushort Port => checked((ushort)_factory.Endpoint.Port);

    public string VirtualHost => _factory.VirtualHost;

    public string User => _factory.UserName;

    public string Password => _factory.Password;

    public bool Tls => _factory.Ssl.Enabled;

    /// <summary>Throws <see cref="UserErrorException"/> without quoting the address, which holds a password.</summary>
    public static BrokerAddress Parse(BrokerOptions options)
    {
        try
        {
            if (Uri.TryCreate(options.Url, UriKind.Absolute, out var url) && url.Scheme is "amqp" or "amqps" && url!.Host.Length > 0)
                return new BrokerAddress(Factory(url, options));
        }
        catch (Exception e) when (e is ArgumentException or UriFormatException)
        {
            // Its text may quote the user information.
        }

        throw UserErrorException.Usage(
            $"{BrokerOptions.Section}:{nameof(BrokerOptions.Url)} is no broker address; write amqp://user:password@host:5672/vhost, with special characters percent-encoded.");
    }

    /// <summary>Bounded from outside: against a frozen broker the client takes about a minute to give up, whatever its own time-outs say.</summary>
    public async Task<IConnection> ConnectAsync(string name, TimeProvider clock, CancellationToken cancel)
    {
        var connecting = _factory.CreateConnectionAsync(name, CancellationToken.None);
        try
        {
            return await connecting.WaitAsync(StepTimeout, clock, cancel);
        }
        catch (Exception) when (!connecting.IsCompleted)
        {
            _ = connecting.ContinueWith(late => late.IsCompletedSuccessfully ? BrokerSession.AbortAsync(late.Result, clock) : (object?)late.Exception, TaskScheduler.Default);
            throw;
        }
    }

    public override string ToString() => $"{Host}:{Port}/{VirtualHost.TrimStart('/')}";

    private static ConnectionFactory Factory(Uri url, BrokerOptions options)
    {
        var factory = new ConnectionFactory
        {
            Uri = url,
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedHeartbeat = options.Heartbeat,
            RequestedConnectionTimeout = StepTimeout,
            HandshakeContinuationTimeout = StepTimeout,
            ContinuationTimeout = StepTimeout,
        };

        // The client takes a certificate for any name when its address says amqps.
        factory.Ssl.AcceptablePolicyErrors = SslPolicyErrors.None;
        return factory;
    }
}
