using Metering.Agent;
using Metering.Cli.Client;
using Metering.Cli.Demo;
using Metering.Configuration;
using Metering.Safety;
using Metering.Service;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Metering.Service.Ledger;

namespace Metering.Cli;

/// <summary>Builds and runs the web application of <c>up</c> and <c>service</c>.</summary>
internal static class ServiceHost
{
    internal sealed record Options
    {
        public required string DataDirectory { get; init; }

        public required string Url { get; init; }

        public required Settings Settings { get; init; }

        /// <summary>Meter this host too, in the same process.</summary>
        public bool WithAgent { get; init; }

        /// <summary>Print the address with a link that signs the browser in.</summary>
        public bool ShowLink { get; init; }

        /// <summary>Play the demo's fleet into it, and mark every face as a demo's. Null: it is no demo.</summary>
        public DemoDirectory? Demo { get; init; }
    }

    /// <summary>Runs until it is stopped. Throws <see cref="UserErrorException"/> for what a person can put right.</summary>
    public static async Task<int> RunAsync(Options options, CancellationToken cancel)
    {
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.PathAndQuery != "/")
            throw UserErrorException.Usage($"--url is '{options.Url}'; it must be http://ADDRESS:PORT, such as {Commands.CommonOptions.DefaultUrl}.");
        await using var app = Build(options, url);
        var key = await MeteringService.OpenAsync(app.Services, cancel);
        try
        {
            await app.StartAsync(cancel);
        }
        catch (IOException e)
        {
            // What runs in the background was started before the listener: it ends before the ledger under it is closed.
            await app.StopAsync(CancellationToken.None);
            throw new UserErrorException($"{options.Url} can not be listened on ({e.InnerException?.Message ?? e.Message}); stop what uses the port or give another --url.", inner: e);
        }

        var address = app.Urls.FirstOrDefault() ?? options.Url;
        if (options.ShowLink)
        {
            Console.WriteLine($"Metering is up at {address}" + (options.Demo is null ? "" : $", as a DEMO in {options.DataDirectory}: all hosts but this one are simulated"));
            Console.WriteLine($"Open in a browser (good once, for an hour): {address}/sign-in?token={app.Services.GetRequiredService<KeyRing>().NewLink()}");
            Console.WriteLine($"Admin key: {Path.Combine(options.DataDirectory, "admin.key")}    Try: metering usage --data {options.DataDirectory} --url {address}");
        }
        else
        {
            Console.WriteLine($"The metering service is up at {address}; its admin key is in {Path.Combine(options.DataDirectory, "admin.key")}.");
        }

        using var client = options.Demo is null ? null : ApiClient.Create(address, key, options.DataDirectory, tellsDemo: false);
        var demo = client is null ? Task.CompletedTask : new DemoRun(options.Demo!, client, InProcess(app.Services), TimeProvider.System).RunAsync(app.Lifetime.ApplicationStopping);
        await app.WaitForShutdownAsync(cancel);
        await demo;
        return 0;
    }

    internal static WebApplication Build(Options options, Uri url)
    {
        // Files are not watched for changes: that takes inotify instances, and where the host has none left the program would not start.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production, Args = ["--hostBuilder:reloadConfigOnChange=false"] });
        // Ours is the only configuration; an in-memory source takes what the host sets by itself.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection();
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        // A start that fails is told in one sentence by whoever started us; a service that fails later is critical.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Authentication", LogLevel.Error);
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        // A line for each wrong key would let anyone fill the disk.
        builder.Logging.AddFilter("Metering.Service.Access.KeyAuthentication", LogLevel.Warning);
        builder.WebHost.UseUrls(url.GetLeftPart(UriPartial.Authority));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 9 << 20;
        });
        builder.WebHost.UseStaticWebAssets();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
        builder.Services.AddMetering(ServiceOptions.From(options.Settings, options.DataDirectory) with { IsDemo = options.Demo is not null });
        if (options.WithAgent)
        {
            var agent = AgentOptions.From(options.Settings, options.DataDirectory, AgentTransport.InProcess);
            builder.Services.AddSingleton(provider => new MeteringAgent(
                agent, InProcess(provider), TimeProvider.System, provider.GetRequiredService<ILoggerFactory>().CreateLogger("Metering.Agent")));
            builder.Services.AddHostedService<AgentService>();
        }

        var app = builder.Build();
        if (options.Demo is not null)
        {
            app.Use((context, next) =>
            {
                context.Response.Headers[ApiClient.DemoHeader] = "true";
                return next(context);
            });
        }

        app.MapMetering();
        return app;
    }

    private static InProcessTransport InProcess(IServiceProvider services) => new(services.GetRequiredService<IIngest>(), services.GetRequiredService<LedgerStore>());
}
