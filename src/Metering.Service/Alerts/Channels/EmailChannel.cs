using System.Globalization;
using System.Net.Sockets;
using System.Text;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Metering.Service.Alerts.Channels;

/// <summary>
/// Plain mail by SMTP. The <c>Message-ID</c> is the event's, so that a repetition is known as one, and all mails of one alert form a thread. The connection is made and checked as for every
/// other channel; a password is sent over TLS only.
/// </summary>
internal sealed class EmailChannel(GuardedConnector connector, AddressPolicy policy, AlertsOptions options, TimeProvider clock) : IChannel
{
    /// <summary>Ports that need no permission.</summary>
    public static readonly IReadOnlyList<int> UsualPorts = [25, 465, 587, 2525];

    private const int MaxReceivers = 50;
    private const int MaxServerBytes = 256 * 1024;
    private static readonly string[] Securities = ["startTls", "tls", "none"];

    public string Name => "email";

    public IReadOnlyList<string> Fields { get; } = ["server", "security", "from", "to", "user", "password", "title", "text"];

    public void Check(EndpointSettings settings, ICollection<Fault> faults)
    {
        if (settings.Security is not null && !Securities.Contains(settings.Security, StringComparer.Ordinal)) faults.Add(new Fault("security", $"is one of {string.Join(", ", Securities)}."));
        if (!TryServer(settings, out var host, out var port)) faults.Add(new Fault("server", "is HOST or HOST:PORT of an SMTP server, such as smtp.example.com:587, without user or password."));
        else if (!policy.IsListed(host, port, UsualPorts) && !policy.AllowsNetworks)
        {
            if (!UsualPorts.Contains(port)) faults.Add(new Fault("server", $"has port {port}; use {string.Join(", ", UsualPorts)}, or have the operator list {host}:{port} in Alerts:AllowedAddresses."));
            if (System.Net.IPAddress.TryParse(host, out var address) && AddressPolicy.NotPublic(address) is { } reason) faults.Add(new Fault("server", $"is not public ({reason}); the operator can allow it in Alerts:AllowedAddresses."));
            if (host == "localhost" || host.EndsWith(".localhost", StringComparison.Ordinal)) faults.Add(new Fault("server", "is this host (loopback); the operator can allow it in Alerts:AllowedAddresses."));
        }

        if (!IsAddress(settings.From)) faults.Add(new Fault("from", "is a mail address, such as metering@example.com."));
        if (settings.To is not { Count: > 0 and <= MaxReceivers }) faults.Add(new Fault("to", $"has 1 to {MaxReceivers} mail addresses."));
        for (var i = 0; i < (settings.To?.Count ?? 0); i++)
        {
            if (!IsAddress(settings.To![i])) faults.Add(new Fault($"to[{i}]", "is no mail address."));
        }

        HttpPost.CheckCredentials(settings with { User = settings.User?.Replace(":", "", StringComparison.Ordinal) }, faults);
        if (settings.Password is not null && settings.Security == "none") faults.Add(new Fault("security", "is none, and a password is sent over TLS only; use startTls or tls."));
    }

    public async Task<WebhookResult> SendAsync(ChannelTarget target, AlertMessage message, CancellationToken cancel)
    {
        var (now, started) = (clock.GetUtcNow(), clock.GetTimestamp());
        using var deadline = new CancellationTokenSource(options.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        WebhookResult result;
        try
        {
            result = WebhookResult.Without(WebhookOutcome.Delivered, "The server took the mail: " + await SendAsync(target.Settings, Mail(target.Settings, message, now), either.Token), now) with { Status = 250 };
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or CommandException or ProtocolException or System.Security.Authentication.AuthenticationException or MailKit.Security.AuthenticationException or SslHandshakeException or InvalidOperationException or NotSupportedException)
        {
            cancel.ThrowIfCancellationRequested();
            result = deadline.IsCancellationRequested
                ? WebhookResult.Without(WebhookOutcome.Failed, string.Create(CultureInfo.InvariantCulture, $"No answer within {options.TimeoutSeconds} s."), now)
                : Explain(e, now);
        }

        return result with { Duration = clock.GetElapsedTime(started) };
    }

    private async Task<string> SendAsync(EndpointSettings settings, MimeMessage mail, CancellationToken cancel)
    {
        if (!TryServer(settings, out var host, out var port)) throw new InvalidOperationException("There is no server.");
        using var socket = await connector.ConnectAsync(host, port, UsualPorts, cancel);
        await using var connection = new CappedStream(new NetworkStream(socket, ownsSocket: false), MaxServerBytes);

        // Lists of revoked certificates would be fetched from wherever the certificate says.
        using var client = new SmtpClient { CheckCertificateRevocation = false, LocalDomain = "metering" };
        await client.ConnectAsync(connection, host, port, settings.Security switch { "tls" => SecureSocketOptions.SslOnConnect, "none" => SecureSocketOptions.None, _ => SecureSocketOptions.StartTls }, cancel);
        if (settings is { User: { } user, Password: { } password }) await client.AuthenticateAsync(Encoding.UTF8, user, password, cancel);
        var answer = await client.SendAsync(mail, cancel);
        try
        {
            await client.DisconnectAsync(quit: true, cancel);
        }
        catch (Exception e) when (e is IOException or SocketException or ProtocolException or OperationCanceledException)
        {
            // The mail is taken; how they part is of no interest.
        }

        return AlertItem.OneLine(HttpPost.Cut(answer, 200));
    }

    private static MimeMessage Mail(EndpointSettings settings, AlertMessage message, DateTimeOffset now)
    {
        var mail = new MimeMessage { Subject = HttpPost.Cut(message.Title(settings), 200), Date = now, MessageId = IdOf(message.Id), Body = new TextPart("plain") { Text = message.Text(settings) } };
        mail.From.Add(MailboxAddress.Parse(settings.From!));
        mail.To.AddRange(settings.To!.Select(MailboxAddress.Parse));
        if (message.Alerts.Count == 1) mail.References.Add(IdOf(message.Alerts[0].Key));
        mail.Headers.Add("Auto-Submitted", "auto-generated");
        if (message.Severity is "critical") mail.Importance = MessageImportance.High;
        return mail;
    }

    private WebhookResult Explain(Exception exception, DateTimeOffset now)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case AddressRefusedException refused: return Failed(refused.Message);
                case SmtpCommandException { StatusCode: var code } command:
                    var said = $"The mail server answered {(int)code}: {AlertItem.OneLine(HttpPost.Cut(command.Message, 200))}";
                    // 4yz: later; 5yz: never, but for a user or a server that can be put right.
                    return Failed(said, (int)code >= 500 && command.ErrorCode is SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted && (int)code >= 500 ? WebhookOutcome.Refused : (int)code is >= 400 and < 500 ? WebhookOutcome.Retry : WebhookOutcome.Failed) with { Status = (int)code };
                case System.Security.Authentication.AuthenticationException or SslHandshakeException: return Failed("TLS failed: the mail server's certificate is not trusted or does not name this host.");
                case MailKit.Security.AuthenticationException: return Failed("The mail server does not know this user and password.");
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }: return Failed("The name of the mail server has no address.");
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }: return Failed("The connection was refused.");
                case SocketException { SocketErrorCode: SocketError.ConnectionReset }: return Failed("The mail server reset the connection.");
                case ServiceNotAuthenticatedException: return Failed("The mail server wants to be signed in to; give user and password.");
                case NotSupportedException: return Failed("The mail server offers no STARTTLS or no way to sign in; set security.");
                default: break;
            }
        }

        return Failed("The mail server could not be talked to: " + AlertItem.OneLine(HttpPost.Cut(exception.Message, 200)));

        WebhookResult Failed(string reason, WebhookOutcome outcome = WebhookOutcome.Failed) => WebhookResult.Without(outcome, reason, now);
    }

    private static bool TryServer(EndpointSettings settings, out string host, out int port)
    {
        (host, port) = (settings.Server ?? "", settings.Security switch { "tls" => 465, "none" => 25, _ => 587 });
        var colon = host.LastIndexOf(':');
        if (colon > 0 && !(host.StartsWith('[') && host.EndsWith(']')))
        {
            if (!int.TryParse(host.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535) return false;
            host = host[..colon];
        }

        if (host.StartsWith('[') && host.EndsWith(']')) return System.Net.IPAddress.TryParse(host = host[1..^1], out _);
        // One spelling of an address: 127.1 and 0x7f.1 are addresses to one parser and names to another.
        var last = host.TrimEnd('.').Split('.')[^1];
        if (last.All(char.IsAsciiDigit) || last.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) return System.Net.IPAddress.TryParse(host, out var address) && address.ToString() == host;
        return WebhookUrl.IsPlainHost(host);
    }

    private static bool IsAddress(string? text) => text is { Length: > 0 and <= 254 } && text.Contains('@') && !text.Any(char.IsControl) && MailboxAddress.TryParse(text, out _);

    private static string IdOf(string id) => string.Concat(id.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) + "@metering";
}
