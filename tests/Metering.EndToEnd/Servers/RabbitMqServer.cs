using System.Diagnostics;
using System.Runtime.InteropServices;
using RabbitMQ.Client;

namespace Metering.EndToEnd.Servers;

/// <summary>
/// A RabbitMQ node of our own: name, ports, epmd, cookie and directories are private, everything listens on loopback only.
/// It can be killed, frozen and started again on what it had on disk. Needs Debian's rabbitmq-server; runs as any user, root included.
/// </summary>
internal sealed partial class RabbitMqServer : IAsyncDisposable
{
    private string _servicePassword = "service-secret";

    private const string Scripts = "/usr/lib/rabbitmq/bin";
    private const int Stop = 19; // SIGSTOP, SIGCONT of Linux
    private const int Continue = 18;
    private const int SigKill = 9;

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly string _directory;
    private readonly Dictionary<string, string> _environment;
    private readonly Process _portMapper;
    private Process? _node;
    private bool _frozen;

    private RabbitMqServer()
    {
        _directory = Directory.CreateTempSubdirectory("metering-rabbitmq-").FullName;
        var ports = LoopbackPorts.Free(4);
        (Port, TlsPort) = (ports[0], ports[3]);
        _environment = Prepare(_directory, ports, Authority);

        // Started here and not by the node, which would make a daemon of it that outlives us.
        _portMapper = Run("/usr/bin/epmd", "-address", "127.0.0.1", "-port", $"{ports[2]}");
    }

    /// <summary>For the node's own administrator, which RabbitMQ lets in from loopback only.</summary>
    public string AdminUrl => Url("guest", "guest");

    /// <summary>A user with what the service needs and no more.</summary>
    public string ServiceUrl => Url("service", _servicePassword);

    public int Port { get; }

    /// <summary>The same by TLS 1.2 and 1.3, with a certificate for <c>localhost</c>.</summary>
    public int TlsPort { get; }

    public TestAuthority Authority { get; } = new();

    public string AuthorityFile => Path.Combine(_directory, "authority.pem");

    public int ProcessId => _node!.Id;

    public static async Task<RabbitMqServer> StartAsync()
    {
        ServerPackages.Require($"{Scripts}/rabbitmq-server", "rabbitmq-server");
        var server = new RabbitMqServer();
        try
        {
            await server.StartAgainAsync();
            await server.AddServiceUserAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public string Url(string user, string password, string vhost = "%2f", int? port = null) => $"amqp://{user}:{password}@127.0.0.1:{port ?? Port}/{vhost}";

    /// <summary>Starts the node on its directory and waits until it accepts logins.</summary>
    public async Task StartAgainAsync()
    {
        _node?.Dispose();
        _node = Run($"{Scripts}/rabbitmq-server");
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = await new ConnectionFactory { Uri = new Uri(AdminUrl), AutomaticRecoveryEnabled = false }.CreateConnectionAsync();
                return;
            }
            catch (Exception) when (!_node.HasExited && Stopwatch.GetElapsedTime(began) < StartTimeout)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"The private RabbitMQ node did not start: {e.Message}\n{Log()}", e);
            }
        }
    }

    /// <summary>Undoes what a failed test left behind: thaws a frozen node and starts a dead one.</summary>
    public async Task EnsureRunningAsync()
    {
        if (_frozen) Thaw();
        if (_node!.HasExited) await StartAgainAsync();
    }

    /// <summary>
    /// Gives the service's user another password and ends every connection: whoever an earlier test left behind (a bus that could not be stopped while the node was frozen or dead
    /// connects again by itself) takes no more deliveries away from the next one.
    /// </summary>
    public async Task ForgetServicesAsync()
    {
        _servicePassword = "service-" + Guid.CreateVersion7().ToString("N");
        await ControlAsync("change_password", "service", _servicePassword);
        await ControlAsync("close_all_connections", "the next test begins");
    }

    /// <summary>SIGKILL: nothing is flushed that was not flushed before.</summary>
    public async Task KillAsync()
    {
        _node!.Kill();
        await _node.WaitForExitAsync();
        _frozen = false;
    }

    /// <summary>SIGSTOP: connections stay open and nothing answers.</summary>
    public void Freeze()
    {
        Signal(_node!.Id, Stop);
        _frozen = true;
    }

    public void Thaw()
    {
        Signal(_node!.Id, Continue);
        _frozen = false;
    }

    /// <summary>An agent may write to the exchange under its own key; it may declare and read nothing.</summary>
    public async Task AddAgentUserAsync(string host, string password)
    {
        await ControlAsync("add_user", host, password);
        await ControlAsync("set_permissions", host, "^$", "^metering[.]usage$", "^$");
        await ControlAsync("set_topic_permissions", host, "metering.usage", "^{username}[.]", "^$");
    }

    /// <summary>rabbitmqctl; throws with its output when it fails.</summary>
    public async Task<string> ControlAsync(params string[] arguments)
    {
        using var control = Run($"{Scripts}/rabbitmqctl", ["-q", .. arguments]);
        var output = control.StandardOutput.ReadToEndAsync();
        var errors = control.StandardError.ReadToEndAsync();
        await control.WaitForExitAsync();
        return control.ExitCode == 0 ? await output : throw new InvalidOperationException($"rabbitmqctl {string.Join(' ', arguments)}: {await output}{await errors}");
    }

    /// <summary>Names of a kind of object, such as <c>list_queues</c> or <c>list_exchanges</c>, sorted.</summary>
    public async Task<string[]> NamesAsync(string list) =>
        [.. (await ControlAsync(list, "name", "--no-table-headers")).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Order()];

    public async ValueTask DisposeAsync()
    {
        if (_frozen) Thaw();
        if (_node is { HasExited: false }) await KillAsync();
        if (!_portMapper.HasExited) _portMapper.Kill();
        await _portMapper.WaitForExitAsync();
        KillLeftOvers();
        _node?.Dispose();
        _portMapper.Dispose();
        Authority.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static Dictionary<string, string> Prepare(string directory, int[] ports, TestAuthority authority)
    {
        var (certificate, key) = authority.Issue("localhost");
        foreach (var (file, text) in new[] { ("authority", authority.Pem), ("certificate", certificate), ("key", key) }) File.WriteAllText(Path.Combine(directory, file + ".pem"), text);
        var home = Directory.CreateDirectory(Path.Combine(directory, "home")).FullName;
        var cookie = Path.Combine(home, ".erlang.cookie");
        File.WriteAllText(cookie, Path.GetFileName(directory));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(cookie, UnixFileMode.UserRead); // Erlang refuses one that others can read
        File.WriteAllText(Path.Combine(directory, "environment"), "");
        File.WriteAllText(Path.Combine(directory, "plugins"), "[].");

        // The write-ahead log of quorum queues is kept small: 512 MiB by default.
        File.WriteAllText(Path.Combine(directory, "rabbitmq.conf"), $"""
            listeners.tcp.1 = 127.0.0.1:{ports[0]}
            listeners.ssl.1 = 127.0.0.1:{ports[3]}
            ssl_options.cacertfile = {directory}/authority.pem
            ssl_options.certfile = {directory}/certificate.pem
            ssl_options.keyfile = {directory}/key.pem
            disk_free_limit.absolute = 10MB
            vm_memory_high_watermark.absolute = 512MB
            raft.wal_max_size_bytes = 16777216
            log.console = false

            """);
        return new Dictionary<string, string>
        {
            ["HOME"] = home,
            ["RABBITMQ_NODENAME"] = $"{Path.GetFileName(directory)}@localhost",
            ["RABBITMQ_DIST_PORT"] = $"{ports[1]}",
            ["ERL_EPMD_PORT"] = $"{ports[2]}",
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(directory, "data"),
            ["RABBITMQ_LOG_BASE"] = Path.Combine(directory, "log"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(directory, "rabbitmq.conf"),
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(directory, "environment"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(directory, "plugins"),
            ["RABBITMQ_GENERATED_CONFIG_DIR"] = Path.Combine(directory, "config"),
            ["RABBITMQ_SCHEMA_DIR"] = Path.Combine(directory, "schema"),
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none +A 16 -kernel inet_dist_use_interface {127,0,0,1}",
            ["RUNNING_UNDER_SYSTEMD"] = "true", // the script then becomes the node instead of watching over it, so its process id is the node's
        };
    }

    /// <summary>A node or rabbitmqctl that finds no epmd starts one as a daemon; what carries our directory in its environment is ours to end.</summary>
    private void KillLeftOvers()
    {
        var mark = $"HOME={_environment["HOME"]}\0";
        foreach (var process in Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)))
        {
            try
            {
                if (File.ReadAllText($"/proc/{process}/environ").Contains(mark, StringComparison.Ordinal)) _ = Kill(int.Parse(process!), SigKill);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended, or it is somebody else's.
            }
        }
    }

    private async Task AddServiceUserAsync()
    {
        await ControlAsync("add_user", "service", _servicePassword);
        await ControlAsync("set_permissions", "service", "^metering[.]", "^(metering[.].*|amq[.]default)$", "^metering[.]");
        await ControlAsync("set_user_tags", "service", "impersonator");
    }

    private Process Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in _environment) start.Environment[name] = value;
        start.Environment.Remove("NOTIFY_SOCKET");
        var process = Process.Start(start)!;
        if (program != $"{Scripts}/rabbitmqctl")
        {
            // Read and forgotten, or a full pipe would stop the server.
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        return process;
    }

    private string Log() => string.Join('\n', Directory.Exists(Path.Combine(_directory, "log"))
        ? Directory.GetFiles(Path.Combine(_directory, "log")).SelectMany(file => File.ReadLines(file).TakeLast(30))
        : []);

    private static void Signal(int process, int signal)
    {
        if (Kill(process, signal) != 0) throw new InvalidOperationException($"kill({process}, {signal}): {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
