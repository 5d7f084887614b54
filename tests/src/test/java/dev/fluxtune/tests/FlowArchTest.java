package dev.fluxtune.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The arrows of the house: who may see whom. */
class FlowArchTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.fluxtune");

  @Test
  void classesWereFound() {
    assertThat(CLASSES.contain("dev.fluxtune.schemas.Chunk")).isTrue();
    assertThat(CLASSES.contain("dev.fluxtune.pipeline.pack.Pack")).isTrue();
  }

  @Test
  void stagesAndTrainerNeverSeeEachOther() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .withOptionalLayers(true) // trainer and app have no class yet
        .layer("schemas")
        .definedBy("dev.fluxtune.schemas..")
        .layer("pipeline")
        .definedBy("dev.fluxtune.pipeline..")
        .layer("trainer")
        .definedBy("dev.fluxtune.trainer..")
        .layer("app")
        .definedBy("dev.fluxtune.app..")
        .whereLayer("app")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("pipeline")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("trainer")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("schemas")
        .mayNotAccessAnyLayer()
        .check(CLASSES);
  }

  @Test
  void noStageSubscribesOrBlocks() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.fluxtune.app..")
        .should()
        .callMethodWhere(
            JavaCall.Predicates.target(
                    HasName.Predicates.nameMatching(
                        "subscribe|block|blockFirst|blockLast|toIterable|toStream"))
                .and(
                    JavaCall.Predicates.target(
                        HasOwner.Predicates.With.owner(
                            JavaClass.Predicates.resideInAPackage("reactor.core.publisher.."))))
                .as("subscribe to or block on a publisher"))
        .check(CLASSES);
  }

  @Test
  void onlyTheTokenizerAndTheShardWriterHaveThreads() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.fluxtune.app..",
            "dev.fluxtune.pipeline.tokenize..",
            "dev.fluxtune.pipeline.shard..")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("reactor.core.scheduler.Schedulers")
        .check(CLASSES);
  }

  @Test
  void filesArePaths() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.io.File")
        .check(CLASSES);
  }

  @Test
  void everyPackageSaysWhatItIs() {
    List<JavaPackage> silent =
        CLASSES.getDefaultPackage().getSubpackagesInTree().stream()
            .filter(p -> p.getName().startsWith("dev.fluxtune.") && !p.getClasses().isEmpty())
            .filter(p -> p.tryGetPackageInfo().isEmpty())
            .toList();
    assertThat(silent).isEmpty();
  }
}
