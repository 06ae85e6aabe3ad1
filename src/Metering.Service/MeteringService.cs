using Metering.Exposition;
using Metering.Safety;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Alerts.Channels;
using Metering.Service.Alerts.Routing;
using Metering.Service.Allocation;
using Metering.Service.Billing;
using Metering.Service.Enforcement;
using Metering.Service.Focus;
using Metering.Service.Http;
using Metering.Service.Ingest;
using Metering.Service.Ingest.RabbitMq;
using Metering.Service.Ledger;
using Metering.Service.Live;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Reports.Schedules;
using Metering.Service.Verification.Expiry;
using Metering.Service.Tenants;
using Metering.Service.TimeSeries;
using Metering.Service.Ui;
using Metering.Service.Verification;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Metering.Service;

/// <summary>The central service, in the order of the line.</summary>
public static class MeteringService
{
    public static IServiceCollection AddMetering(this IServiceCollection services, ServiceOptions options)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.Configure<JsonOptions>(json =>
        {
            json.SerializerOptions.UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow;
            json.SerializerOptions.AllowDuplicateProperties = false;
            json.SerializerOptions.NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowReadingFromString;
        });
        services.AddProblemDetails(problems => problems.CustomizeProblemDetails = context => Problems.Stabilise(context.ProblemDetails, context.HttpContext.Response));
        services.AddOpenApi(document =>
        {
            document.AddDocumentTransformer((made, _, _) =>
            {
                // Not that of the process, which may be the command, a test or somebody's host.
                made.Info = new Microsoft.OpenApi.OpenApiInfo { Title = "Metering", Version = "1.0.0" };
                return Task.CompletedTask;
            });
            document.DescribeAnswers();
        });
        services.AddAccess(options.Access);
        services.AddSingleton<Audit.AuditBook>();
        services.AddSingleton<IdempotentRequests>();
        services.AddSingleton<QueryGate>();

        // ledger
        services.AddSingleton(options.Ledger);
        services.AddSingleton(LedgerStore.Create(options.Ledger));
        services.AddSingleton<GroupWriter>(provider => new GroupWriter(provider.GetRequiredService<LedgerStore>(), options.Ledger, provider.GetRequiredService<TimeProvider>(), provider.GetServices<IUsageListener>()) { Commands = provider.GetRequiredService<ICommandSource>() });

        // ingest
        services.AddSingleton<HostAlarms>();
        services.AddSingleton<GroupCommit>();
        services.AddSingleton<QuarantineBook>();
        services.AddSingleton<IIngest>(provider => provider.GetRequiredService<GroupCommit>());
        services.AddHostedService(provider => provider.GetRequiredService<GroupCommit>());
        if (options.Broker is { } broker) services.AddRabbitMqIngest(broker);

        // rating
        services.AddSingleton<PriceChange>();
        services.AddSingleton<DryRun>();

        // quotas and alerts
        services.AddSingleton<IUsageListener>(new QuotaEvaluator());
        services.AddSingleton<QuotaChange>();
        services.AddSingleton<QuotaReport>();
        services.AddSingleton<QuotaKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<QuotaKeeper>());
        services.AddSingleton<IPriceGuard, CostQuotaGuard>();
        services.AddSingleton<CommandBoard>();
        services.AddSingleton<ICommandSource>(provider => provider.GetRequiredService<EnforcementKeeper>());
        services.AddSingleton<EnforcementKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<EnforcementKeeper>());
        services.AddSingleton(options.WebhookAddresses);
        services.AddSingleton(new RetrySchedule(new Random()));
        services.AddSingleton<IHostResolver, DnsHostResolver>();
        services.AddSingleton(provider => new WebhookSender(options.WebhookAddresses, provider.GetRequiredService<IHostResolver>(), provider.GetRequiredService<TimeProvider>(),
            options.Alerts.Timeout, provider.GetRequiredService<ILogger<WebhookSender>>()));
        services.AddSingleton(options.Alerts);
        services.AddSingleton(provider => new GuardedConnector(options.WebhookAddresses, provider.GetRequiredService<IHostResolver>()));
        services.AddSingleton<ChannelCatalogue>();
        services.AddSingleton<DeliveryBook>();
        services.AddSingleton<AlertBook>();
        services.AddSingleton<WebhookDispatcher>();
        services.AddHostedService(provider => provider.GetRequiredService<WebhookDispatcher>());
        services.AddHostedService<AlertKeeper>();

        // billing
        services.AddSingleton<IUsageListener, LateUsage>();
        services.AddSingleton<IUsageListener, RollupMarks>();
        services.AddSingleton<IUsageListener, SeriesReplays>();
        services.AddSingleton(options.Invoices);
        services.AddSingleton<PeriodDrafter>();
        services.AddSingleton<ClosingProgress>();
        services.AddSingleton<PeriodCloser>();
        services.AddSingleton<PeriodReport>();
        services.AddSingleton<InvoiceDrafts>();
        services.AddSingleton<InvoiceVoiding>();
        services.AddSingleton<ChargeExplanation>();

        // exports
        services.AddSingleton(options.Focus);
        services.AddSingleton<FocusExport>();

        // faces
        services.AddSingleton<LiveFeed>();
        services.AddSingleton<Verifier>();
        services.AddSingleton<ChainWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<ChainWatch>());
        services.AddSingleton<UsageReport>();
        services.AddSingleton<CostReport>();
        services.AddSingleton<AllocationReport>();
        services.AddSingleton<ForecastReport>();
        services.AddSingleton<RecommendationReport>();
        services.AddSingleton<ReportTables>();
        services.AddSingleton(options.Reports);
        services.AddSingleton<ReportDispatcher>();
        services.AddHostedService(provider => provider.GetRequiredService<ReportDispatcher>());
        services.AddSingleton(options.Retention);
        services.AddSingleton<RetentionKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<RetentionKeeper>());
        services.AddSingleton<RollupKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<RollupKeeper>());
        services.AddTimeSeries(options.TimeSeries);
        services.AddSingleton<HostFigures>();
        services.AddSingleton<Inventory>();
        services.AddSingleton<ProofReport>();
        services.AddSingleton<IMetricsExporter>(new MetricsCollector());
        services.AddSingleton<LedgerMetrics>();
        services.AddSingleton<MoneyMetrics>();
        services.AddUi(options);
        return services;
    }

    /// <summary>Opens the ledger, waiting for a database that is not there yet, and makes the admin key. Throws <see cref="UserErrorException"/> for what waiting does not cure.</summary>
    public static async Task<string> OpenAsync(IServiceProvider services, CancellationToken cancel)
    {
        var store = services.GetRequiredService<LedgerStore>();
        var options = services.GetRequiredService<ServiceOptions>();
        await WhenThereAsync(services, async () =>
        {
            await store.OpenAsync(cancel);
            return true;
        }, cancel);
        if (store.Unprotected is { } missing) services.GetRequiredService<ILoggerFactory>().CreateLogger("Metering.Service.Ledger").LogWarning("{Missing}", missing);
        return await WhenThereAsync(services, async () =>
        {
            await new PresetKeys(store, services.GetRequiredService<TimeProvider>()).EnsureAsync(options.PresetKeys, cancel);
            return await services.GetRequiredService<KeyRing>().EnsureAdminAsync(options.DataDirectory, options.AdminKey, cancel);
        }, cancel);
    }

    // The database may come late, and may go again before the service has started.
    private static async Task<T> WhenThereAsync<T>(IServiceProvider services, Func<Task<T>> work, CancellationToken cancel)
    {
        var log = services.GetRequiredService<ILoggerFactory>().CreateLogger("Metering.Service.Ledger");
        var store = services.GetRequiredService<LedgerStore>();
        for (var wait = TimeSpan.FromSeconds(1); ; wait = TimeSpan.FromTicks(Math.Min(wait.Ticks * 2, TimeSpan.TicksPerSecond * 15)))
        {
            try
            {
                return await work();
            }
            catch (LedgerConflictException)
            {
                // Another service that starts made the key first.
            }
            catch (Exception e) when (store.Away(e) is { } away)
            {
                log.LogWarning("{Reason} Trying again in {Seconds} s.", away.Message, wait.TotalSeconds);
                await Task.Delay(wait, services.GetRequiredService<TimeProvider>(), cancel);
            }
        }
    }

    public static void MapMetering(this WebApplication app)
    {
        var store = app.Services.GetRequiredService<LedgerStore>();
        app.UseProxies();
        app.Use((context, next) =>
        {
            // At the start of the answer: whoever answers an error clears the headers.
            context.Response.OnStarting(static state =>
            {
                ((HttpResponse)state).Headers.XContentTypeOptions = "nosniff";
                return Task.CompletedTask;
            }, context.Response);
            return next(context);
        });
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = context => AnswerError(context, store),
            // Told in the answer, and by whoever watches the ledger; a stack trace for each request would bury the rest of the log.
            SuppressDiagnosticsCallback = context => context.Exception is BadHttpRequestException or IOException { InnerException: OverflowException } or InvalidOperationException { InnerException: System.Text.DecoderFallbackException or ArgumentException } || store.Away(context.Exception) is not null || NoText(context.Exception) || NoForm(context.Exception, context.HttpContext),
        });
        app.UseStatusCodePages();
        app.UseAccess();
        app.Use(AccessSetup.ActAsync);
        app.Use(app.Services.GetRequiredService<QueryGate>().InvokeAsync);
        app.Use(AnswerTags.InvokeAsync);
        app.Use(app.Services.GetRequiredService<IdempotentRequests>().InvokeAsync);

        app.MapHealth();
        app.MapIngest();
        app.MapQuarantine();
        app.MapReports();
        app.MapSchedules();
        app.MapLive();
        app.MapVerify();
        app.MapTimeSeries();
        app.MapTenants();
        app.MapPrices();
        app.MapContracts();
        app.MapAllocation();
        app.MapQuotas();
        app.MapQuotaPlans();
        app.MapEnforcement();
        app.MapPeriods();
        app.MapInvoices();
        app.MapCharges();
        app.MapFocus();
        app.MapAlerts();
        app.MapApiKeys();
        app.MapEnrolment();
        Audit.AuditEndpoints.MapAudit(app);
        app.MapMetrics();
        app.MapOpenApi().RequireAuthorization();
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "docs";
            ui.SwaggerEndpoint("/openapi/v1.json", "Metering v1");
            ui.InjectStylesheet("/docs.css");
        });
        OidcSetup.MapOidc(app, app.Services.GetRequiredService<AccessOptions>().Oidc);
        app.MapUi(context => AnswerError(context, store));
    }

    private static async Task AnswerError(HttpContext context, LedgerStore store)
    {
        var error = context.Features.Get<IExceptionHandlerFeature>()?.Error;
        var problem = error switch
        {
            not null when store.Away(error) is { } away => Problems.Unavailable(away.Message),
            LedgerConflictException => Problems.Unavailable("Another change came between; send the request again."),
            BadHttpRequestException { InnerException: System.Text.Json.JsonException json } => Problems.Invalid(JsonFault.Explain(json)),
            InvalidOperationException { InnerException: System.Text.DecoderFallbackException } => Problems.Invalid("The body is not UTF-8."),
            InvalidOperationException { InnerException: ArgumentException } when context.Request.ContentType?.Contains("charset", StringComparison.OrdinalIgnoreCase) == true =>
                Problems.Refused(StatusCodes.Status415UnsupportedMediaType, "The charset of the body's Content-Type is not known; send UTF-8."),
            IOException { InnerException: OverflowException } => Problems.Invalid("The body can not be read: the length of a chunk does not fit a number."),
            BadHttpRequestException bad => Problems.Refused(bad.StatusCode, ParameterFault.Explain(bad.Message)),
            not null when NoForm(error, context) => Problems.Invalid("The form can not be read: it is cut short, or has more or longer fields than any form here."),
            not null when NoText(error) => Problems.Invalid("A text has a character that can not be stored, such as U+0000; leave it out."),
            _ => TypedResults.Problem(type: "urn:metering:problem:internal", title: "Something went wrong here", detail: "The service's log has the details.", statusCode: 500),
        };
        await problem.ExecuteAsync(context);
    }

    private static bool NoForm(Exception error, HttpContext context) =>
        context.Request.HasFormContentType && (error is InvalidDataException or Microsoft.AspNetCore.Antiforgery.AntiforgeryValidationException || (error is IOException && context.Request.ContentType!.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase)));

    // PostgreSQL keeps no U+0000: character_not_in_repertoire and untranslatable_character.
    private static bool NoText(Exception error) => error is Npgsql.PostgresException { SqlState: "22021" or "22P05" } || (error.InnerException is { } inner && NoText(inner));
}
