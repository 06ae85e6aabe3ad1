using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Alerts;

/// <summary>Debian's aiosmtpd on loopback with STARTTLS, a certificate of its own authority, and a Maildir.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private const string Program = "/usr/bin/aiosmtpd";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private readonly string _directory;
    private readonly ChildProcess _process;

    private MailServer(string directory, string address, ChildProcess process) => (_directory, Address, _process) = (directory, address, process);

    public string Address { get; }

    /// <summary>The authority's certificate in PEM.</summary>
    public string Authority => Path.Combine(_directory, "ca.pem");

    public static async Task<MailServer> StartAsync(CancellationToken cancel)
    {
        ServerPackages.Require(Program, "python3-aiosmtpd");
        var directory = Directory.CreateTempSubdirectory("metering-mail-").FullName;
        await CertifyAsync(directory, cancel);
        var port = Ports.Free();
        var address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        var process = ChildProcess.Start(Program, ["-n", "-l", address, "--tlscert", Path.Combine(directory, "server.pem"), "--tlskey", Path.Combine(directory, "server.key"), "-c", "aiosmtpd.handlers.Mailbox", Path.Combine(directory, "mail")]);
        await process.WaitUntilAsync(async token =>
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port, token);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }, "the mail server listened", Soon, cancel);
        return new MailServer(directory, address, process);
    }

    /// <summary>Waits for so many mails and returns them.</summary>
    public async Task<string[]> MailsAsync(int count, CancellationToken cancel)
    {
        var mails = Path.Combine(_directory, "mail", "new");
        await _process.WaitUntilAsync(_ => Task.FromResult(Directory.Exists(mails) && Directory.GetFiles(mails).Length >= count), $"{count} mails arrived", Soon, cancel);
        return [.. Directory.GetFiles(mails).Select(File.ReadAllText)];
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static async Task CertifyAsync(string directory, CancellationToken cancel)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var ca = new CertificateRequest("CN=Metering test authority", caKey, HashAlgorithmName.SHA256);
        ca.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using var authority = ca.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, now.AddDays(-1), now.AddDays(1), [1]);
        await File.WriteAllTextAsync(Path.Combine(directory, "ca.pem"), authority.ExportCertificatePem(), cancel);
        await File.WriteAllTextAsync(Path.Combine(directory, "server.pem"), certificate.ExportCertificatePem(), cancel);
        await File.WriteAllTextAsync(Path.Combine(directory, "server.key"), key.ExportPkcs8PrivateKeyPem(), cancel);
    }
}
