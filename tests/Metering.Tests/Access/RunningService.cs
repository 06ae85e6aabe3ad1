using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Metering.Cli;
using Metering.Configuration;
using Metering.Service;
using Metering.Service.Ledger;
using Metering.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>The whole service in this process, on SQLite and a port of its own, as <c>metering service</c> builds it.</summary>
internal sealed class RunningService : IAsyncDisposable
{
    private readonly string _directory;
    private readonly WebApplication _app;

    private RunningService(string directory, WebApplication app, string adminKey)
    {
        (_directory, _app, AdminKey) = (directory, app, adminKey);
        Url = app.Urls.First();
        Anonymous = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromSeconds(60) };
    }

    public string AdminKey { get; }

    public string Url { get; }

    /// <summary>Sends no credential of its own and follows no redirect.</summary>
    public HttpClient Anonymous { get; }

    public IServiceProvider Services => _app.Services;

    public LedgerStore Store => Services.GetRequiredService<LedgerStore>();

    public static async Task<RunningService> StartAsync(IReadOnlyDictionary<string, string?>? settings = null, ConcurrentQueue<string>? log = null)
    {
        var directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-access-" + Path.GetRandomFileName())).FullName;
        var url = new Uri("http://127.0.0.1:0");
        var app = ServiceHost.Build(new ServiceHost.Options { DataDirectory = directory, Url = url.ToString(), Settings = new Settings(settings ?? new Dictionary<string, string?>()) }, url);
        if (log is not null) app.Services.GetRequiredService<ILoggerFactory>().AddProvider(new Recorder(log));
        var key = await MeteringService.OpenAsync(app.Services, CancellationToken.None);
        await app.StartAsync(CancellationToken.None);
        return new RunningService(directory, app, key);
    }

    /// <param name="key">Null: the admin key; empty: none.</param>
    public async Task<Answer> SendAsync(string method, string path, object? body = null, string? key = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
        if (body is HttpContent content) request.Content = content;
        else if (body is string text) request.Content = new StringContent(text, Encoding.UTF8, "application/json");
        else if (body is not null) request.Content = JsonContent.Create(body);
        key ??= AdminKey;
        if (key.Length > 0) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Anonymous.SendAsync(request, TestContext.Current.CancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var answer = new Answer(response.StatusCode, Encoding.UTF8.GetString(bytes), response.Content.Headers.ContentType?.MediaType, response.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
        DeclaredAnswers.Check(method, path, answer);
        return answer;
    }

    public async Task<Answer> GoodAsync(string method, string path, object? body = null, string? key = null)
    {
        var answer = await SendAsync(method, path, body, key);
        Assert.True((int)answer.Status is >= 200 and < 300, $"{method} {path}: {(int)answer.Status} {answer.Text}");
        return answer;
    }

    public async Task<string> NewKeyAsync(string role, string? tenant = null, string? name = null, string? host = null) =>
        (await GoodAsync("POST", "v1/api-keys", new { role, tenant, name = name ?? $"{role} {tenant}", host })).Json.GetProperty("secret").GetString()!;

    public async ValueTask DisposeAsync()
    {
        Anonymous.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private sealed class Recorder(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
        }
    }

    internal sealed record Answer(HttpStatusCode Status, string Text, string? Media, IReadOnlyDictionary<string, string> Headers)
    {
        public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Text);

        public string Type => Media == "application/problem+json" ? Json.GetProperty("type").GetString()! : "";
    }
}
